WITH pruned AS (
    DELETE FROM stanchion_jobs.history
    WHERE id = ANY (ARRAY(
        SELECT id FROM stanchion_jobs.history
        WHERE state = 'completed' AND finished_at < statement_timestamp() - :keep_us * interval '1 microsecond' --? done
        WHERE state = :state AND state <> 'completed' --? !done
            AND finished_at < statement_timestamp() - :keep_us * interval '1 microsecond' --? !done
        ORDER BY finished_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING id, unique_key
), freed AS (
    DELETE FROM stanchion_jobs.uniques AS u USING pruned AS p WHERE u.key = ANY (ARRAY[p.unique_key::bytea]) AND u.job IS NOT DISTINCT FROM p.id
)
SELECT count(*) FROM pruned
