SELECT id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, attempt, failures, lost_leases, alone, cancel_requested, percent, progress, traceparent,
    worker, created_at_us, run_at_us, started_at_us, leased_until_us, NULL, NULL, NULL, attempts
FROM stanchion_jobs_jobs
WHERE true
    AND id = :id --? id
    AND id < :before --? before
    AND state = :state --? state
    AND queue = :queue --? queue
    AND kind = :kind --? kind
    AND input = :input --? input
ORDER BY id DESC
LIMIT :limit
