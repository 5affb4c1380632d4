-- What ended within a while, by queue. A window of each way to end is read from the index that has it in order.
SELECT queue,
    count(*) FILTER (WHERE served) AS served,
    coalesce(
        sum(extract(epoch FROM finished_at - coalesce(started_at, finished_at)) * 1000000) FILTER (WHERE served), 0
    )::bigint AS ran_us,
    count(*) FILTER (WHERE NOT served) AS cancelled
FROM (
    (
        SELECT queue, started_at, finished_at, true AS served FROM stanchion_jobs.history
        WHERE state = 'completed' AND finished_at > $1 AND finished_at <= $2
        ORDER BY finished_at
        LIMIT $3
    )
    UNION ALL
    (
        SELECT queue, started_at, finished_at, true FROM stanchion_jobs.history
        WHERE state <> 'completed' AND state = 'dead' AND finished_at > $1 AND finished_at <= $2
        ORDER BY finished_at
        LIMIT $3
    )
    UNION ALL
    (
        SELECT queue, started_at, finished_at, false FROM stanchion_jobs.history
        WHERE state <> 'completed' AND state = 'cancelled' AND finished_at > $1 AND finished_at <= $2
        ORDER BY finished_at
        LIMIT $3
    )
) AS ended
GROUP BY queue
ORDER BY queue
