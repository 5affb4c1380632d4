-- What ends moves to the history. What is told of its last attempt is added unless it completed; the last 50 are kept.
INSERT INTO stanchion_jobs_history (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, attempt, failures, lost_leases, alone, percent, progress, traceparent, unique_key,
    unique_scope, worker, created_at_us, run_at_us, started_at_us, finished_at_us, reason, message, attempts
)
SELECT id, queue, kind, priority, :state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, attempt, failures + :failed, lost_leases + :lost, alone, percent, progress, traceparent,
    unique_key, unique_scope, worker, created_at_us, run_at_us, started_at_us, :now, :reason, :message,
    CASE WHEN :attempt IS NULL THEN attempts ELSE json_insert(
        CASE WHEN json_array_length(attempts) < 50 THEN attempts ELSE json_remove(attempts, '$[0]') END,
        '$[#]', json(:attempt)
    ) END
FROM stanchion_jobs_jobs
WHERE id = :id
