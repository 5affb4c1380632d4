-- Rows are joined by `= ANY (ARRAY[…])`: by an equation, a plan may read all of an index or a table, and sort it.
-- Arrays come by sub-selects: a planner that knows how long they are may read a table for them that it takes for empty.
UPDATE stanchion_jobs.jobs AS j
SET started_at = statement_timestamp()
FROM unnest((SELECT $1::uuid[]), (SELECT $2::integer[]), (SELECT $3::uuid[])) AS g (id, attempt, lease)
WHERE j.id = ANY (ARRAY[g.id]) AND j.attempt IS NOT DISTINCT FROM g.attempt AND j.lease IS NOT DISTINCT FROM g.lease
RETURNING j.id, j.attempt, j.lease
