SELECT EXISTS (
    SELECT
    FROM unnest($1::text[]) AS q (queue)
    CROSS JOIN LATERAL (
        SELECT
        FROM stanchion_jobs.jobs AS j
        WHERE j.state = 'waiting' AND j.alone AND j.queue = q.queue AND j.run_at <= statement_timestamp()
        LIMIT 1
    ) AS waits
)
