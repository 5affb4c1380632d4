-- At once when nobody holds it, otherwise its holder is asked.
WITH ended AS (
    DELETE FROM stanchion_jobs.jobs WHERE id = $1 AND state IN ('waiting', 'parked')
    RETURNING *
), kept AS (
    INSERT INTO stanchion_jobs.history (
        id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
        backoff_cap_us, jitter, attempt, failures, lost_leases, alone, percent, progress, traceparent, unique_key,
        unique_scope, worker, created_at, run_at, started_at, finished_at, reason, message, attempts
    )
    SELECT id, queue, kind, priority, 'cancelled', args, input, max_attempts, max_lost_leases, timeout_us,
        backoff_base_us, backoff_cap_us, jitter, attempt, failures, lost_leases, alone, percent, progress, traceparent,
        unique_key, unique_scope, worker, created_at, run_at, started_at, clock_timestamp(), 'cancelled', NULL, attempts
    FROM ended
), freed AS (
    DELETE FROM stanchion_jobs.uniques AS u USING ended AS e
    WHERE e.unique_scope < $2 AND u.key = ANY (ARRAY[e.unique_key::bytea]) AND u.job IS NOT DISTINCT FROM e.id
), asked AS (
    UPDATE stanchion_jobs.jobs SET cancel_requested = true WHERE id = $1 AND lease IS NOT NULL
    RETURNING 1
)
SELECT (SELECT count(*) FROM ended) AS ended, (SELECT count(*) FROM asked) AS asked
