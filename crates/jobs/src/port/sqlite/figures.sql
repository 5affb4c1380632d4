-- Queues and priorities that have something ready are found by leaps through their index, and counted up to a bound.
WITH RECURSIVE lanes (queue, priority) AS (
    SELECT * FROM (
        SELECT queue, priority FROM stanchion_jobs_jobs
        WHERE state = 'waiting' AND alone = 0
        ORDER BY queue, priority
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT j.queue FROM stanchion_jobs_jobs AS j
        WHERE j.state = 'waiting' AND j.alone = 0 AND (j.queue, j.priority) > (l.queue, l.priority)
        ORDER BY j.queue, j.priority
        LIMIT 1
    ), (
        SELECT j.priority FROM stanchion_jobs_jobs AS j
        WHERE j.state = 'waiting' AND j.alone = 0 AND (j.queue, j.priority) > (l.queue, l.priority)
        ORDER BY j.queue, j.priority
        LIMIT 1
    )
    FROM lanes AS l
    WHERE l.queue IS NOT NULL
)
SELECT 'ready', l.queue, l.priority, (
    SELECT count(*) FROM (
        SELECT 1 FROM stanchion_jobs_jobs AS j
        WHERE j.state = 'waiting' AND j.alone = 0 AND j.queue = l.queue AND j.priority = l.priority
            AND j.run_at_us <= :now
        LIMIT :count_to
    )
), :now - (
    SELECT j.run_at_us FROM stanchion_jobs_jobs AS j
    WHERE j.state = 'waiting' AND j.alone = 0 AND j.queue = l.queue AND j.priority = l.priority AND j.run_at_us <= :now
    ORDER BY j.run_at_us
    LIMIT 1
)
FROM lanes AS l
WHERE l.queue IS NOT NULL
UNION ALL
SELECT 'scheduled', l.queue, l.priority, (
    SELECT count(*) FROM (
        SELECT 1 FROM stanchion_jobs_jobs AS j
        WHERE j.state = 'waiting' AND j.alone = 0 AND j.queue = l.queue AND j.priority = l.priority
            AND j.run_at_us > :now
        LIMIT :count_to
    )
), NULL
FROM lanes AS l
WHERE l.queue IS NOT NULL
UNION ALL
SELECT CASE WHEN run_at_us <= :now THEN 'ready' ELSE 'scheduled' END AS what, queue, priority, count(*),
    :now - min(run_at_us)
FROM (SELECT queue, priority, run_at_us FROM stanchion_jobs_jobs WHERE state = 'waiting' AND alone = 1 LIMIT :count_to)
GROUP BY what, queue, priority
UNION ALL
SELECT 'running', queue, priority, count(*), NULL
FROM stanchion_jobs_jobs WHERE state = 'running'
GROUP BY queue, priority
UNION ALL
SELECT 'parked', queue, priority, count(*), NULL
FROM (SELECT queue, priority FROM stanchion_jobs_jobs WHERE state = 'parked' LIMIT :count_to)
GROUP BY queue, priority
