DELETE FROM stanchion_jobs.suspects
WHERE input = ANY (ARRAY(
    SELECT input FROM stanchion_jobs.suspects
    WHERE last_at < statement_timestamp() - $1 * interval '1 microsecond'
    ORDER BY last_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
))
