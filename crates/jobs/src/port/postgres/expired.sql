-- The index of leases is walked from a floor on, as that of what is ready is, or a part of what lies before it.
SELECT j.id, j.attempt, j.lease, j.queue, j.kind, j.max_attempts, j.max_lost_leases, j.timeout_us, j.backoff_base_us,
    j.backoff_cap_us, j.jitter, j.lost_leases, j.started_at IS NOT NULL, j.alone, j.cancel_requested,
    coalesce((SELECT s.crashes FROM stanchion_jobs.suspects AS s WHERE s.input = j.input), 0)
FROM stanchion_jobs.jobs AS j
WHERE j.state = 'running' AND j.leased_until > $1 AND j.leased_until <= least(statement_timestamp(), $2::timestamptz)
ORDER BY j.leased_until
LIMIT $3
FOR UPDATE OF j SKIP LOCKED
