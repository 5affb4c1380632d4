-- Another life. Poison comes back as a suspect with one crash less than condemns it, and so does not stay condemned.
-- Rows are joined by `= ANY (ARRAY[…])`: by an equation, a plan may read all of an index or a table, and sort it.
WITH given AS (
    SELECT g.* FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS g (id, args, input)
), revived AS (
    DELETE FROM stanchion_jobs.history AS h USING given AS g
    WHERE h.id = ANY (ARRAY[g.id]) AND h.state = 'dead'
    RETURNING h.*, g.args AS new_args, g.input AS new_input
), made AS (
    INSERT INTO stanchion_jobs.jobs (
        id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
        backoff_cap_us, jitter, attempt, alone, traceparent, unique_key, unique_scope, worker, created_at, run_at, attempts
    )
    SELECT id, queue, kind, priority, 'waiting', new_args, new_input, max_attempts, max_lost_leases, timeout_us,
        backoff_base_us, backoff_cap_us, jitter, attempt, reason = 'poison', traceparent, unique_key, unique_scope, worker,
        created_at, statement_timestamp(), attempts
    FROM revived
), taken AS (
    INSERT INTO stanchion_jobs.uniques AS u (key, job)
    SELECT unique_key, id FROM revived WHERE unique_key IS NOT NULL AND unique_scope < $4 ORDER BY unique_key
), pardoned AS (
    UPDATE stanchion_jobs.suspects AS s SET crashes = least(s.crashes, 1), last_at = statement_timestamp()
    FROM (SELECT DISTINCT input FROM revived WHERE reason = 'poison') AS r
    WHERE s.input = r.input
)
SELECT count(*) FROM revived
