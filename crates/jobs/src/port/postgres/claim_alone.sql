-- One of each queue is locked, the oldest of them is taken.
-- Rows are joined by `= ANY (ARRAY[…])`: by an equation, a plan may read all of an index or a table, and sort it.
WITH picked AS MATERIALIZED (
    SELECT p.id, p.run_at, p.input
    FROM unnest($1::text[]) AS q (queue)
    CROSS JOIN LATERAL (
        SELECT j.id, j.run_at, j.input
        FROM stanchion_jobs.jobs AS j
        WHERE j.state = 'waiting' AND j.alone AND j.queue = q.queue AND j.run_at <= statement_timestamp()
        ORDER BY j.run_at, j.id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS p
), oldest AS (
    SELECT id, input FROM picked ORDER BY run_at, id LIMIT 1
), claimed AS (
    UPDATE stanchion_jobs.jobs AS j
    SET state = 'running', attempt = j.attempt + 1, worker = $2, lease = $3,
        leased_until = clock_timestamp() + $4 * interval '1 microsecond',
        started_at = NULL, percent = NULL, progress = NULL
    FROM oldest AS o
    WHERE j.id = ANY (ARRAY[o.id])
    RETURNING j.id, j.attempt, j.queue, j.kind, j.priority, j.args, j.input, j.max_attempts, j.max_lost_leases,
        j.timeout_us, j.backoff_base_us, j.backoff_cap_us, j.jitter, j.failures, j.lost_leases, j.traceparent,
        j.created_at, j.run_at, j.unique_key, j.unique_scope
), freed AS (
    DELETE FROM stanchion_jobs.uniques AS u USING claimed AS c
    WHERE c.unique_scope = 0 AND u.key = ANY (ARRAY[c.unique_key::bytea]) AND u.job IS NOT DISTINCT FROM c.id
)
SELECT id, attempt, queue, kind, priority, args, c.input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, failures, lost_leases, coalesce(s.crashes, 0), traceparent, created_at, run_at,
    statement_timestamp()
FROM claimed AS c
LEFT JOIN stanchion_jobs.suspects AS s ON s.input = c.input
