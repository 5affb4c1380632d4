SELECT id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, attempt, failures, lost_leases, alone, false AS cancel_requested, percent, progress,
    traceparent, worker, created_at, run_at, started_at, NULL::timestamptz AS leased_until, finished_at, reason, message,
    attempts::text AS attempts
FROM stanchion_jobs.history
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
