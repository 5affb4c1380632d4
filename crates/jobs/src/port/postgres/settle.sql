-- Every attempt that is over, by one statement: what ends moves to the history, what does not waits again. A row whose
-- fence does not hold is neither. What is told of an attempt is added to its job unless it completed. What somebody wants
-- to end does not wait again. What is condemned without having begun is no death.
-- Rows are joined by `= ANY (ARRAY[…])`: by an equation, a plan may read all of an index or a table, and sort it.
-- Arrays come by sub-selects: a planner that knows how long they are may read a table for them that it takes for empty.
WITH given AS (
    SELECT g.*
    FROM unnest(
        (SELECT :id::uuid[]), (SELECT :attempt::integer[]), (SELECT :lease::uuid[]), (SELECT :state::text[]),
        (SELECT :after_us::bigint[]), (SELECT :failed::boolean[]), (SELECT :lost::boolean[]), (SELECT :reason::text[]),
        (SELECT :message::text[]), (SELECT :crash::boolean[]), (SELECT :counts::boolean[]), (SELECT :acquitted::boolean[]),
        (SELECT :keeps::smallint[])
    ) AS g (id, attempt, lease, state, after_us, failed, lost, reason, message, crash, counts, acquitted, keeps)
), ended AS (
    DELETE FROM stanchion_jobs.jobs AS j USING given AS g
    WHERE j.id = ANY (ARRAY[g.id]) AND j.attempt IS NOT DISTINCT FROM g.attempt AND j.lease IS NOT DISTINCT FROM g.lease
        AND (g.state IN ('completed', 'dead', 'cancelled') OR j.cancel_requested)
    RETURNING j.id, j.queue, j.kind, j.priority, j.args, j.input, j.max_attempts, j.max_lost_leases, j.timeout_us,
        j.backoff_base_us, j.backoff_cap_us, j.jitter, j.attempt, j.failures, j.lost_leases, j.alone, j.percent,
        j.progress, j.traceparent, j.unique_key, j.unique_scope, j.worker, j.lease, j.created_at, j.run_at,
        j.started_at, j.attempts, g.state IN ('waiting', 'parked') AS stopped, g.state, g.failed, g.lost, g.reason,
        g.message, g.crash AND (g.reason <> 'poison' OR j.started_at IS NOT NULL) AS crash, g.counts, g.acquitted, g.keeps
), kept AS (
    INSERT INTO stanchion_jobs.history (
        id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
        backoff_cap_us, jitter, attempt, failures, lost_leases, alone, percent, progress, traceparent, unique_key,
        unique_scope, worker, created_at, run_at, started_at, finished_at, reason, message, attempts
    )
    SELECT id, queue, kind, priority, CASE WHEN stopped THEN 'cancelled' ELSE state END, args, input, max_attempts,
        max_lost_leases, timeout_us, backoff_base_us, backoff_cap_us, jitter, attempt, failures + failed::integer,
        lost_leases + lost::integer, alone, percent, progress, traceparent, unique_key, unique_scope, worker, created_at, run_at, started_at, clock_timestamp(),
        CASE WHEN stopped THEN 'cancelled' ELSE reason END, message,
        CASE WHEN reason IS NULL THEN attempts ELSE stanchion_jobs.with_attempt(
            attempts, attempt, worker, started_at, clock_timestamp(), reason, message
        ) END
    FROM ended
), freed AS (
    DELETE FROM stanchion_jobs.uniques AS u USING ended AS e
    WHERE e.unique_key IS NOT NULL AND e.unique_scope < CASE WHEN e.stopped THEN :keeps_cancelled ELSE e.keeps END
        AND u.key = ANY (ARRAY[e.unique_key::bytea]) AND u.job IS NOT DISTINCT FROM e.id
), again AS ( --? again
    UPDATE stanchion_jobs.jobs AS j --? again
    SET state = g.state, --? again
        run_at = CASE --? again
            WHEN g.after_us IS NULL THEN j.run_at --? again
            ELSE clock_timestamp() + g.after_us * interval '1 microsecond' --? again
        END, --? again
        failures = j.failures + g.failed::integer, lost_leases = j.lost_leases + g.lost::integer, --? again
        alone = g.crash OR (j.alone AND NOT g.acquitted), --? again
        returned = g.after_us IS NULL AND g.state = 'waiting' AND NOT (g.crash OR (j.alone AND NOT g.acquitted)), --? again
        lease = NULL, leased_until = NULL, started_at = NULL, --? again
        attempts = stanchion_jobs.with_attempt( --? again
            j.attempts, j.attempt, j.worker, j.started_at, clock_timestamp(), g.reason, g.message --? again
        ) --? again
    FROM given AS g JOIN stanchion_jobs.jobs AS old ON old.id = ANY (ARRAY[g.id]) --? again
    WHERE j.id = ANY (ARRAY[g.id]) AND j.attempt IS NOT DISTINCT FROM g.attempt AND j.lease IS NOT DISTINCT FROM g.lease --? again
        AND g.state IN ('waiting', 'parked') AND NOT j.cancel_requested --? again
    RETURNING j.id, j.attempt, g.lease, j.input, old.alone, g.crash, g.counts, g.acquitted --? again
), settled AS (
    SELECT id, attempt, lease, input, alone, crash, counts, acquitted FROM ended
    UNION ALL --? again
    SELECT id, attempt, lease, input, alone, crash, counts, acquitted FROM again --? again
), suspected AS (
    INSERT INTO stanchion_jobs.suspects AS s (input, crashes, last_at)
    SELECT input, greatest(count(*) FILTER (WHERE counts), 1), clock_timestamp()
    FROM settled WHERE crash GROUP BY input ORDER BY input
    ON CONFLICT (input) DO UPDATE SET last_at = excluded.last_at,
        crashes = s.crashes + (SELECT count(*) FROM settled AS t WHERE t.crash AND t.counts AND t.input = s.input)
), acquitted AS (
    DELETE FROM stanchion_jobs.suspects AS s USING settled AS t
    WHERE t.alone AND t.acquitted AND s.input = t.input
)
SELECT id, attempt, lease FROM settled
