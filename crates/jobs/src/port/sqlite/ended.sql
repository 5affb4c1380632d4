SELECT id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, attempt, failures, lost_leases, alone, 0, percent, progress, traceparent, worker,
    created_at_us, run_at_us, started_at_us, NULL, finished_at_us, reason, message, attempts
FROM stanchion_jobs_history
WHERE true
    AND id = :id --? id
    AND id < :before --? before
    AND state = :state AND state <> 'completed' --? state !done
    AND state = :state --? state done
    AND queue = :queue --? queue
    AND kind = :kind --? kind
    AND reason = :reason --? reason
    AND input = :input --? input
ORDER BY id DESC
LIMIT :limit
