-- What ended within a while, by queue. A window of each way to end is read from the index that has it in order.
SELECT queue, sum(served), sum(served * (finished_at_us - coalesce(started_at_us, finished_at_us))), sum(NOT served)
FROM (
    SELECT * FROM (
        SELECT queue, started_at_us, finished_at_us, 1 AS served FROM stanchion_jobs_history
        WHERE state = 'completed' AND finished_at_us > :since AND finished_at_us <= :until
        ORDER BY finished_at_us
        LIMIT :count_to
    )
    UNION ALL
    SELECT * FROM (
        SELECT queue, started_at_us, finished_at_us, 1 FROM stanchion_jobs_history
        WHERE state <> 'completed' AND state = 'dead' AND finished_at_us > :since AND finished_at_us <= :until
        ORDER BY finished_at_us
        LIMIT :count_to
    )
    UNION ALL
    SELECT * FROM (
        SELECT queue, started_at_us, finished_at_us, 0 FROM stanchion_jobs_history
        WHERE state <> 'completed' AND state = 'cancelled' AND finished_at_us > :since AND finished_at_us <= :until
        ORDER BY finished_at_us
        LIMIT :count_to
    )
)
GROUP BY queue
ORDER BY queue
