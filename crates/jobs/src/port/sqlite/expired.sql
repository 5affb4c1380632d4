SELECT id, attempt, lease, queue, kind, max_attempts, max_lost_leases, timeout_us, backoff_base_us, backoff_cap_us,
    jitter, lost_leases, started_at_us IS NOT NULL, alone, cancel_requested,
    coalesce((SELECT s.crashes FROM stanchion_jobs_suspects AS s WHERE s.input = j.input), 0)
FROM stanchion_jobs_jobs AS j
WHERE state = 'running' AND leased_until_us <= ?1
ORDER BY leased_until_us
LIMIT ?2
