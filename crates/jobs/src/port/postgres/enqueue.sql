-- A job whose moment is past is due from now on: nobody looks for what came before what was claimed already.
-- A unique job is enqueued when its key is free; of two in one call the first takes it. Keys are taken in their order.
WITH given AS (
    SELECT g.*
    FROM unnest(
        :id::uuid[], :queue::text[], :kind::text[], :priority::smallint[], :args::text[], :input::bytea[],
        :run_at::timestamptz[], :delay_us::bigint[], :max_attempts::integer[], :max_lost_leases::integer[],
        :timeout_us::bigint[], :backoff_base_us::bigint[], :backoff_cap_us::bigint[], :jitter::text[],
        :traceparent::text[], :unique_key::bytea[], :unique_scope::smallint[]
    ) WITH ORDINALITY AS g (
        id, queue, kind, priority, args, input, run_at, delay_us, max_attempts, max_lost_leases, timeout_us,
        backoff_base_us, backoff_cap_us, jitter, traceparent, unique_key, unique_scope, n
    )
), taken AS ( --? unique
    INSERT INTO stanchion_jobs.uniques (key, job) --? unique
    SELECT DISTINCT ON (unique_key) unique_key, id FROM given WHERE unique_key IS NOT NULL ORDER BY unique_key, n --? unique
    ON CONFLICT (key) DO NOTHING --? unique
    RETURNING job --? unique
)
INSERT INTO stanchion_jobs.jobs (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, traceparent, unique_key, unique_scope, created_at, run_at
)
SELECT
    id, queue, kind, priority, 'waiting', args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, traceparent, unique_key, unique_scope, statement_timestamp(),
    greatest(statement_timestamp(), run_at, statement_timestamp() + delay_us * interval '1 microsecond')
FROM given
WHERE unique_key IS NULL OR id IN (SELECT job FROM taken) --? unique
RETURNING id --? unique
