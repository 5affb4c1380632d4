INSERT INTO stanchion_jobs_jobs (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, attempt, alone, traceparent, unique_key, unique_scope, worker, created_at_us, run_at_us,
    attempts
)
SELECT id, queue, kind, priority, 'waiting', ?2, ?3, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, attempt, reason = 'poison', traceparent, unique_key, unique_scope, worker, created_at_us, ?4,
    attempts
FROM stanchion_jobs_history
WHERE id = ?1
