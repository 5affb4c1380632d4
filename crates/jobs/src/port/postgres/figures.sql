-- Queues and priorities that have something ready are found by leaps through their index, and counted up to a bound.
WITH RECURSIVE lanes AS (
    (
        SELECT queue, priority FROM stanchion_jobs.jobs
        WHERE state = 'waiting' AND NOT alone
        ORDER BY queue, priority
        LIMIT 1
    )
    UNION ALL
    SELECT n.queue, n.priority
    FROM lanes AS l
    CROSS JOIN LATERAL (
        SELECT j.queue, j.priority FROM stanchion_jobs.jobs AS j
        WHERE j.state = 'waiting' AND NOT j.alone AND (j.queue, j.priority) > (l.queue, l.priority)
        ORDER BY j.queue, j.priority
        LIMIT 1
    ) AS n
)
SELECT 'ready' AS what, l.queue, l.priority, r.jobs,
    (extract(epoch FROM statement_timestamp() - r.oldest) * 1000000)::bigint AS age_us
FROM lanes AS l
CROSS JOIN LATERAL (
    SELECT count(*) AS jobs, min(run_at) AS oldest
    FROM (
        SELECT j.run_at FROM stanchion_jobs.jobs AS j
        WHERE j.state = 'waiting' AND NOT j.alone AND j.queue = l.queue AND j.priority = l.priority
            AND j.run_at <= statement_timestamp()
        ORDER BY j.run_at
        LIMIT $1
    ) AS first
) AS r
UNION ALL
SELECT 'scheduled', l.queue, l.priority, s.jobs, NULL
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
SELECT CASE WHEN run_at <= statement_timestamp() THEN 'ready' ELSE 'scheduled' END AS what, queue, priority, count(*),
    (extract(epoch FROM statement_timestamp() - min(run_at)) * 1000000)::bigint
FROM (SELECT queue, priority, run_at FROM stanchion_jobs.jobs WHERE state = 'waiting' AND alone LIMIT $1) AS aside
GROUP BY what, queue, priority
UNION ALL
SELECT 'running', queue, priority, count(*), NULL
FROM stanchion_jobs.jobs WHERE state = 'running'
GROUP BY queue, priority
UNION ALL
SELECT 'parked', queue, priority, count(*), NULL
FROM (SELECT queue, priority FROM stanchion_jobs.jobs WHERE state = 'parked' LIMIT $1) AS parked
GROUP BY queue, priority
