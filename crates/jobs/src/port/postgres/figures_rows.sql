-- Jobs of five lanes, for a test; moments are seconds since 1970.
INSERT INTO stanchion_jobs.jobs (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, lease, leased_until, created_at, run_at
)
SELECT gen_random_uuid(), queue, 'k', priority, state, '1', sha256(n::text::bytea), 1, 1, 1, 1, 1, 'full',
    CASE WHEN state = 'running' THEN gen_random_uuid() END, CASE WHEN state = 'running' THEN to_timestamp(leased_s) END,
    now(), CASE WHEN is_due THEN to_timestamp(run_s) ELSE now() + interval '1 day' END
FROM (VALUES
    (1, 'a', 4, 'waiting', 1, NULL, true), (2, 'a', 4, 'waiting', 2, NULL, true), (3, 'b', 0, 'waiting', 1, NULL, true),
    (4, 'b', 4, 'waiting', 1, NULL, true), (5, 'b', 4, 'waiting', 2, NULL, true), (6, 'b', 4, 'waiting', 3, NULL, true),
    (7, 'b', 4, 'running', 1, 5, true), (8, 'b', 4, 'running', 1, 6, true), (9, 'b', 9, 'waiting', 1, NULL, true),
    (10, 'c', 4, 'waiting', 0, NULL, false)
) AS rows (n, queue, priority, state, run_s, leased_s, is_due)
