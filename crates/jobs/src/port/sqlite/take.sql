UPDATE stanchion_jobs_jobs
SET state = 'running', attempt = attempt + 1, worker = ?2, lease = ?3, leased_until_us = ?4, started_at_us = ?5,
    percent = NULL, progress = NULL
WHERE id = ?1
RETURNING attempt, queue, kind, priority, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, failures, lost_leases, traceparent, created_at_us, run_at_us, unique_key, unique_scope
