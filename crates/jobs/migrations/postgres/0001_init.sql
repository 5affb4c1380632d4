-- What a single value must be is said by its type: PostgreSQL keeps the condition of a domain at hand, and reads that of
-- a table's CHECK anew for every statement.
CREATE DOMAIN stanchion_jobs.name AS text COLLATE "C" CHECK (length(VALUE) BETWEEN 1 AND 64);
CREATE DOMAIN stanchion_jobs.priority AS smallint CHECK (VALUE BETWEEN 0 AND 9);
CREATE DOMAIN stanchion_jobs.live_state AS text COLLATE "C" CHECK (VALUE IN ('waiting', 'running', 'parked'));
CREATE DOMAIN stanchion_jobs.end_state AS text COLLATE "C" CHECK (VALUE IN ('completed', 'dead', 'cancelled'));
CREATE DOMAIN stanchion_jobs.args AS text CHECK (octet_length(VALUE) BETWEEN 1 AND 65536);
CREATE DOMAIN stanchion_jobs.hash AS bytea CHECK (length(VALUE) = 32);
CREATE DOMAIN stanchion_jobs.tries AS integer CHECK (VALUE BETWEEN 1 AND 1000);
CREATE DOMAIN stanchion_jobs.count AS integer CHECK (VALUE >= 0);
CREATE DOMAIN stanchion_jobs.micros AS bigint CHECK (VALUE >= 0);
CREATE DOMAIN stanchion_jobs.jitter AS text COLLATE "C" CHECK (VALUE IN ('full', 'equal', 'none'));
CREATE DOMAIN stanchion_jobs.percent AS smallint CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN stanchion_jobs.message AS text CHECK (length(VALUE) <= 2000);
CREATE DOMAIN stanchion_jobs.scope AS smallint CHECK (VALUE BETWEEN 0 AND 3);
CREATE DOMAIN stanchion_jobs.reason AS text COLLATE "C" CHECK (VALUE IN (
    'error', 'permanent', 'arguments', 'panic', 'timeout', 'out_of_memory', 'crash', 'lost_lease', 'poison', 'cancelled',
    'given_back', 'snoozed', 'unknown_kind'
));

-- What has not ended. It stays small beside the history, and all its indexes are partial. Its pages are never given back
-- to the system, and it begins with some: a plan that was made while it was empty must not read it from end to end later.
CREATE TABLE stanchion_jobs.jobs (
    id uuid PRIMARY KEY,
    queue stanchion_jobs.name NOT NULL,
    kind stanchion_jobs.name NOT NULL,
    priority stanchion_jobs.priority NOT NULL,
    state stanchion_jobs.live_state NOT NULL,
    args stanchion_jobs.args NOT NULL,
    input stanchion_jobs.hash NOT NULL,
    max_attempts stanchion_jobs.tries NOT NULL,
    max_lost_leases stanchion_jobs.tries NOT NULL,
    timeout_us stanchion_jobs.micros NOT NULL,
    backoff_base_us stanchion_jobs.micros NOT NULL,
    backoff_cap_us stanchion_jobs.micros NOT NULL,
    jitter stanchion_jobs.jitter NOT NULL,
    -- Rises with every claim, and is part of its fence.
    attempt stanchion_jobs.count NOT NULL DEFAULT 0,
    failures stanchion_jobs.count NOT NULL DEFAULT 0,
    lost_leases stanchion_jobs.count NOT NULL DEFAULT 0,
    -- A process died on its input: it runs with nothing beside it.
    alone boolean NOT NULL DEFAULT false,
    cancel_requested boolean NOT NULL DEFAULT false,
    percent stanchion_jobs.percent,
    progress stanchion_jobs.message,
    traceparent text CHECK (length(traceparent) = 55),
    unique_key stanchion_jobs.hash,
    unique_scope stanchion_jobs.scope,
    worker text,
    lease uuid,
    created_at timestamptz NOT NULL,
    run_at timestamptz NOT NULL,
    started_at timestamptz,
    leased_until timestamptz,
    -- [{"number", "worker", "started_at", "ended_at", "reason", "message"}], the oldest first.
    attempts jsonb NOT NULL DEFAULT '[]',
    CHECK ((state = 'running') = (lease IS NOT NULL) AND (lease IS NULL) = (leased_until IS NULL))
) WITH (
    vacuum_truncate = false,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000
);

INSERT INTO stanchion_jobs.jobs (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, created_at, run_at
)
SELECT gen_random_uuid(), 'none', 'none', 0, 'parked', repeat(' ', 1600), decode(repeat('00', 32), 'hex'), 1, 1, 0, 0, 0,
    'none', now(), now()
FROM generate_series(1, 1000);
DELETE FROM stanchion_jobs.jobs;

CREATE INDEX jobs_ready ON stanchion_jobs.jobs (queue, priority, run_at, id) WHERE state = 'waiting' AND NOT alone;
CREATE INDEX jobs_alone ON stanchion_jobs.jobs (queue, run_at, id) WHERE state = 'waiting' AND alone;
CREATE INDEX jobs_leased ON stanchion_jobs.jobs (leased_until) WHERE state = 'running';
CREATE INDEX jobs_parked ON stanchion_jobs.jobs (kind, id) WHERE state = 'parked';

-- What has ended.
CREATE TABLE stanchion_jobs.history (
    id uuid PRIMARY KEY,
    queue stanchion_jobs.name NOT NULL,
    kind stanchion_jobs.name NOT NULL,
    priority stanchion_jobs.priority NOT NULL,
    state stanchion_jobs.end_state NOT NULL,
    args stanchion_jobs.args NOT NULL,
    input stanchion_jobs.hash NOT NULL,
    max_attempts stanchion_jobs.tries NOT NULL,
    max_lost_leases stanchion_jobs.tries NOT NULL,
    timeout_us stanchion_jobs.micros NOT NULL,
    backoff_base_us stanchion_jobs.micros NOT NULL,
    backoff_cap_us stanchion_jobs.micros NOT NULL,
    jitter stanchion_jobs.jitter NOT NULL,
    attempt stanchion_jobs.count NOT NULL,
    failures stanchion_jobs.count NOT NULL,
    lost_leases stanchion_jobs.count NOT NULL,
    alone boolean NOT NULL,
    percent stanchion_jobs.percent,
    progress stanchion_jobs.message,
    traceparent text,
    unique_key stanchion_jobs.hash,
    unique_scope stanchion_jobs.scope,
    worker text,
    created_at timestamptz NOT NULL,
    run_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz NOT NULL,
    reason stanchion_jobs.reason,
    message stanchion_jobs.message,
    attempts jsonb NOT NULL
) WITH (vacuum_truncate = false, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);

INSERT INTO stanchion_jobs.history (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, attempt, failures, lost_leases, alone, created_at, run_at, finished_at, attempts
)
SELECT gen_random_uuid(), 'none', 'none', 0, 'completed', repeat(' ', 1600), decode(repeat('00', 32), 'hex'), 1, 1, 0, 0,
    0, 'none', 0, 0, 0, false, now(), now(), now(), '[]'
FROM generate_series(1, 1000);
DELETE FROM stanchion_jobs.history;

CREATE INDEX history_completed ON stanchion_jobs.history (finished_at) WHERE state = 'completed';
CREATE INDEX history_ended ON stanchion_jobs.history (state, finished_at) WHERE state <> 'completed';
CREATE INDEX history_by_state ON stanchion_jobs.history (state, id) WHERE state <> 'completed';

-- Who is the only one of what. The key is the hash of the kind and of what makes the job the only one of it.
CREATE TABLE stanchion_jobs.uniques (
    key stanchion_jobs.hash PRIMARY KEY,
    job uuid NOT NULL
);

-- Inputs on which processes died.
CREATE TABLE stanchion_jobs.suspects (
    input stanchion_jobs.hash PRIMARY KEY,
    crashes stanchion_jobs.count NOT NULL,
    last_at timestamptz NOT NULL
);
CREATE INDEX suspects_by_age ON stanchion_jobs.suspects (last_at);

-- The last tick of each schedule that was fired.
CREATE TABLE stanchion_jobs.schedules (
    name text COLLATE "C" PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 128),
    fired timestamptz NOT NULL
);

-- A job's ended attempts with one more, of which the last 50 are kept.
CREATE FUNCTION stanchion_jobs.with_attempt(
    attempts jsonb, number integer, worker text, started timestamptz, ended timestamptz, reason text, message text
) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN jsonb_array_length(attempts) < 50 THEN attempts ELSE attempts - 0 END || jsonb_build_object(
        'number', number, 'worker', coalesce(worker, ''),
        'started_at', to_char(started AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'ended_at', to_char(ended AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'reason', reason, 'message', coalesce(message, '')
    )
$$;
