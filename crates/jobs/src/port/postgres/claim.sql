-- The index of what is ready is walked from each floor on: before it lies what was claimed, and while an old snapshot is
-- open nobody can clean that up. What came back to its place is in an index of its own and comes first. What works on a
-- suspect is put aside and not claimed. A lease is counted from when it is given: a claim that waited must not give out
-- leases that are over.
-- Rows are joined by `= ANY (ARRAY[…])`: by an equation, a plan may read all of an index or a table, and sort it.
WITH picked AS MATERIALIZED (
    SELECT p.id, p.returned, EXISTS (SELECT FROM stanchion_jobs.suspects AS s WHERE s.input = p.input) AS suspect
    FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::timestamptz[], $5::uuid[])
        AS q (queue, priority, jobs, floor_at, floor_id)
    CROSS JOIN LATERAL (
        SELECT back.id, back.input, true AS returned
        FROM (
            SELECT j.id, j.input
            FROM stanchion_jobs.jobs AS j
            -- Were it said as below, a plan might look for it there, from the beginning.
            WHERE j.returned AND j.state <> 'running' AND j.state <> 'parked' AND NOT j.alone AND j.queue = q.queue
                AND j.priority = q.priority AND j.run_at <= statement_timestamp()
            ORDER BY j.run_at, j.id
            LIMIT q.jobs
            FOR UPDATE SKIP LOCKED
        ) AS back
        UNION ALL
        SELECT ready.id, ready.input, false
        FROM (
            SELECT j.id, j.input
            FROM stanchion_jobs.jobs AS j
            WHERE j.state = 'waiting' AND NOT j.alone AND NOT j.returned AND j.queue = q.queue AND j.priority = q.priority
                AND (j.run_at, j.id) > (q.floor_at, q.floor_id) AND j.run_at <= statement_timestamp()
            ORDER BY j.run_at, j.id
            LIMIT q.jobs
            FOR UPDATE SKIP LOCKED
        ) AS ready
        LIMIT q.jobs
    ) AS p
    -- The quotas come in their order, and none is looked at after there are enough.
    LIMIT $10
), aside AS (
    UPDATE stanchion_jobs.jobs AS j SET alone = true, returned = false FROM picked AS p WHERE p.suspect AND j.id = ANY (ARRAY[p.id])
), claimed AS (
    UPDATE stanchion_jobs.jobs AS j
    SET state = 'running', attempt = j.attempt + 1, worker = $6, lease = $7,
        leased_until = clock_timestamp() + $8 * interval '1 microsecond',
        started_at = CASE WHEN $9 THEN statement_timestamp() END, percent = NULL, progress = NULL, returned = false
    FROM picked AS p
    WHERE NOT p.suspect AND j.id = ANY (ARRAY[p.id])
    RETURNING j.id, j.attempt, j.queue, j.kind, j.priority, j.args, j.input, j.max_attempts, j.max_lost_leases,
        j.timeout_us, j.backoff_base_us, j.backoff_cap_us, j.jitter, j.failures, j.lost_leases, j.traceparent,
        j.created_at, j.run_at, p.returned, j.unique_key, j.unique_scope
), freed AS (
    DELETE FROM stanchion_jobs.uniques AS u USING claimed AS c
    WHERE c.unique_scope = 0 AND u.key = ANY (ARRAY[c.unique_key::bytea]) AND u.job IS NOT DISTINCT FROM c.id
)
SELECT id, attempt, queue, kind, priority, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, failures, lost_leases, 0 AS crashes, traceparent, created_at, run_at,
    statement_timestamp() AS claimed_at, returned, has_suspects
FROM (SELECT coalesce(bool_or(suspect), false) AS has_suspects FROM picked) AS found
LEFT JOIN claimed ON true
ORDER BY priority, run_at, id
