-- A row that its holder's own transaction has locked is left for the next time: the heartbeat must not wait behind it.
-- Rows are joined by `= ANY (ARRAY[…])`: by an equation, a plan may read all of an index or a table, and sort it.
-- Arrays come by sub-selects: a planner that knows how long they are may read a table for them that it takes for empty.
WITH given AS (
    SELECT g.*
    FROM unnest(
        (SELECT $1::uuid[]), (SELECT $2::integer[]), (SELECT $3::uuid[]), (SELECT $4::smallint[]), (SELECT $5::text[])
    ) WITH ORDINALITY AS g (id, attempt, lease, percent, progress, n)
), free AS MATERIALIZED (
    SELECT j.id, g.percent, g.progress
    FROM given AS g
    JOIN stanchion_jobs.jobs AS j
        ON j.id = ANY (ARRAY[g.id]) AND j.attempt IS NOT DISTINCT FROM g.attempt AND j.lease IS NOT DISTINCT FROM g.lease
    ORDER BY g.id
    FOR NO KEY UPDATE OF j SKIP LOCKED
), renewed AS (
    UPDATE stanchion_jobs.jobs AS j
    SET leased_until = greatest(j.leased_until, clock_timestamp() + $6 * interval '1 microsecond'),
        percent = coalesce(f.percent, j.percent),
        progress = CASE WHEN f.percent IS NULL THEN j.progress ELSE f.progress END
    FROM free AS f
    WHERE j.id = ANY (ARRAY[f.id])
)
SELECT j.cancel_requested
FROM given AS g
LEFT JOIN stanchion_jobs.jobs AS j
    ON j.id = ANY (ARRAY[g.id]) AND j.attempt IS NOT DISTINCT FROM g.attempt AND j.lease IS NOT DISTINCT FROM g.lease
ORDER BY g.n
