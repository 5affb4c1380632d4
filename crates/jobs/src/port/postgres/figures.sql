-- Lanes, which are queues at a priority, are counted up to a bound. Those that are known are counted from a floor on: before it
-- lies what was claimed, and while an old snapshot is open nobody can clean that up. Others are found by leaps through the gaps
-- between them. The first moment of each is where the next count may begin.
WITH RECURSIVE known AS (
    SELECT q.queue COLLATE "C" AS queue, q.priority, q.floor_at
    FROM unnest($2::text[], $3::smallint[], $4::timestamptz[]) AS q (queue, priority, floor_at)
), bounds AS (
    SELECT queue, priority FROM known
    UNION ALL
    -- Behind every name: no character of theirs comes after this one.
    SELECT '~' COLLATE "C", 0::smallint
), leaps AS (
    SELECT coalesce(lag(queue) OVER w, '') AS queue, coalesce(lag(priority) OVER w, 0::smallint) AS priority,
        queue AS end_queue, priority AS end_priority, false AS is_found
    FROM bounds
    WINDOW w AS (ORDER BY queue, priority)
    UNION ALL
    SELECT n.queue, n.priority, l.end_queue, l.end_priority, true
    FROM leaps AS l
    CROSS JOIN LATERAL (
        SELECT j.queue::text AS queue, j.priority::smallint AS priority
        FROM stanchion_jobs.jobs AS j
        WHERE j.state = 'waiting' AND NOT j.alone AND (j.queue, j.priority) > (l.queue, l.priority)
            AND (j.queue, j.priority) < (l.end_queue, l.end_priority)
        ORDER BY j.queue, j.priority
        LIMIT 1
    ) AS n
), lanes AS (
    SELECT queue, priority, floor_at FROM known
    UNION ALL
    SELECT queue, priority, 'epoch' FROM leaps WHERE is_found
)
SELECT 'ready' AS what, l.queue, l.priority, r.jobs,
    (extract(epoch FROM statement_timestamp() - r.first_at) * 1000000)::bigint AS age_us, r.first_at,
    statement_timestamp() AS at
FROM lanes AS l
CROSS JOIN LATERAL (
    SELECT count(*) AS jobs, min(run_at) AS first_at
    FROM (
        SELECT j.run_at FROM stanchion_jobs.jobs AS j
        WHERE j.state = 'waiting' AND NOT j.alone AND j.queue = l.queue AND j.priority = l.priority
            AND j.run_at >= l.floor_at AND j.run_at <= statement_timestamp()
        ORDER BY j.run_at
        LIMIT $1
    ) AS first
) AS r
UNION ALL
-- What came back to its place before the floor.
SELECT 'aside', l.queue, l.priority, b.jobs,
    (extract(epoch FROM statement_timestamp() - b.first_at) * 1000000)::bigint, NULL, statement_timestamp()
FROM lanes AS l
CROSS JOIN LATERAL (
    SELECT count(*) AS jobs, min(run_at) AS first_at
    FROM (
        SELECT j.run_at FROM stanchion_jobs.jobs AS j
        WHERE j.returned AND j.state <> 'running' AND j.state <> 'parked' AND NOT j.alone AND j.queue = l.queue
            AND j.priority = l.priority AND j.run_at < l.floor_at
        ORDER BY j.run_at
        LIMIT $1
    ) AS first
) AS b
UNION ALL
SELECT 'scheduled', l.queue, l.priority, s.jobs, NULL, NULL, statement_timestamp()
FROM lanes AS l
CROSS JOIN LATERAL (
    SELECT count(*) AS jobs
    FROM (
        SELECT FROM stanchion_jobs.jobs AS j
        WHERE j.state = 'waiting' AND NOT j.alone AND j.queue = l.queue AND j.priority = l.priority
            AND j.run_at > statement_timestamp()
        LIMIT $1
    ) AS first
) AS s
UNION ALL
SELECT CASE WHEN run_at <= statement_timestamp() THEN 'aside' ELSE 'scheduled' END AS what, queue, priority, count(*),
    (extract(epoch FROM statement_timestamp() - min(run_at)) * 1000000)::bigint, NULL, statement_timestamp()
FROM (SELECT queue, priority, run_at FROM stanchion_jobs.jobs WHERE state = 'waiting' AND alone LIMIT $1) AS aside
GROUP BY what, queue, priority
UNION ALL
SELECT 'running', queue, priority, count(*), NULL, min(leased_until), statement_timestamp()
FROM stanchion_jobs.jobs
WHERE state = 'running' AND leased_until >= $5
GROUP BY queue, priority
UNION ALL
SELECT 'parked', queue, priority, count(*), NULL, NULL, statement_timestamp()
FROM (SELECT queue, priority FROM stanchion_jobs.jobs WHERE state = 'parked' LIMIT $1) AS parked
GROUP BY queue, priority
