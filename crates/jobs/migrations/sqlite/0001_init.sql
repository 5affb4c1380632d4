-- What has not ended. It stays small beside the history, and its indexes are partial.
CREATE TABLE stanchion_jobs_jobs (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    queue TEXT NOT NULL CHECK (length(queue) BETWEEN 1 AND 64),
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 64),
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'parked')),
    args TEXT NOT NULL CHECK (octet_length(args) BETWEEN 1 AND 65536),
    input BLOB NOT NULL CHECK (length(input) = 32),
    max_attempts INTEGER NOT NULL CHECK (max_attempts BETWEEN 1 AND 1000),
    max_lost_leases INTEGER NOT NULL CHECK (max_lost_leases BETWEEN 1 AND 1000),
    timeout_us INTEGER NOT NULL CHECK (timeout_us >= 0),
    backoff_base_us INTEGER NOT NULL CHECK (backoff_base_us >= 0),
    backoff_cap_us INTEGER NOT NULL CHECK (backoff_cap_us >= 0),
    jitter TEXT NOT NULL CHECK (jitter IN ('full', 'equal', 'none')),
    -- Rises with every claim, and is part of its fence.
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    lost_leases INTEGER NOT NULL DEFAULT 0,
    -- A process died on its input: it runs with nothing beside it.
    alone INTEGER NOT NULL DEFAULT 0 CHECK (alone IN (0, 1)),
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    percent INTEGER CHECK (percent BETWEEN 0 AND 100),
    progress TEXT CHECK (length(progress) <= 2000),
    traceparent TEXT CHECK (length(traceparent) = 55),
    unique_key BLOB CHECK (length(unique_key) = 32),
    unique_scope INTEGER CHECK (unique_scope BETWEEN 0 AND 3),
    worker TEXT,
    lease BLOB CHECK (length(lease) = 16),
    created_at_us INTEGER NOT NULL,
    run_at_us INTEGER NOT NULL,
    started_at_us INTEGER,
    leased_until_us INTEGER,
    -- [{"number", "worker", "started_at", "ended_at", "reason", "message"}], the oldest first.
    attempts TEXT NOT NULL DEFAULT '[]',
    CHECK ((state = 'running') = (lease IS NOT NULL) AND (lease IS NULL) = (leased_until_us IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX stanchion_jobs_jobs_ready ON stanchion_jobs_jobs (queue, priority, run_at_us, id)
    WHERE state = 'waiting' AND alone = 0;
CREATE INDEX stanchion_jobs_jobs_alone ON stanchion_jobs_jobs (queue, run_at_us, id) WHERE state = 'waiting' AND alone = 1;
CREATE INDEX stanchion_jobs_jobs_leased ON stanchion_jobs_jobs (leased_until_us) WHERE state = 'running';
CREATE INDEX stanchion_jobs_jobs_parked ON stanchion_jobs_jobs (kind, id) WHERE state = 'parked';

-- What has ended.
CREATE TABLE stanchion_jobs_history (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('completed', 'dead', 'cancelled')),
    args TEXT NOT NULL,
    input BLOB NOT NULL,
    max_attempts INTEGER NOT NULL,
    max_lost_leases INTEGER NOT NULL,
    timeout_us INTEGER NOT NULL,
    backoff_base_us INTEGER NOT NULL,
    backoff_cap_us INTEGER NOT NULL,
    jitter TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    lost_leases INTEGER NOT NULL,
    alone INTEGER NOT NULL,
    percent INTEGER,
    progress TEXT,
    traceparent TEXT,
    unique_key BLOB,
    unique_scope INTEGER,
    worker TEXT,
    created_at_us INTEGER NOT NULL,
    run_at_us INTEGER NOT NULL,
    started_at_us INTEGER,
    finished_at_us INTEGER NOT NULL,
    reason TEXT CHECK (reason IN (
        'error', 'permanent', 'arguments', 'panic', 'timeout', 'out_of_memory', 'crash', 'lost_lease', 'poison',
        'cancelled', 'given_back', 'snoozed', 'unknown_kind'
    )),
    message TEXT CHECK (length(message) <= 2000),
    attempts TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX stanchion_jobs_history_completed ON stanchion_jobs_history (finished_at_us) WHERE state = 'completed';
CREATE INDEX stanchion_jobs_history_ended ON stanchion_jobs_history (state, finished_at_us) WHERE state <> 'completed';
CREATE INDEX stanchion_jobs_history_by_state ON stanchion_jobs_history (state, id) WHERE state <> 'completed';

-- Who is the only one of what. The key is the hash of the kind and of what makes the job the only one of it.
CREATE TABLE stanchion_jobs_uniques (
    key BLOB PRIMARY KEY CHECK (length(key) = 32),
    job BLOB NOT NULL CHECK (length(job) = 16)
) STRICT, WITHOUT ROWID;

-- Inputs on which processes died.
CREATE TABLE stanchion_jobs_suspects (
    input BLOB PRIMARY KEY CHECK (length(input) = 32),
    crashes INTEGER NOT NULL CHECK (crashes >= 0),
    last_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX stanchion_jobs_suspects_by_age ON stanchion_jobs_suspects (last_at_us);

-- The last tick of each schedule that was fired.
CREATE TABLE stanchion_jobs_schedules (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 128),
    fired_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
