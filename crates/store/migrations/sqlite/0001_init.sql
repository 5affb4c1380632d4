CREATE TABLE stanchion_store_instance (
    one INTEGER PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    id BLOB NOT NULL CHECK (length(id) = 16),
    secret BLOB NOT NULL CHECK (length(secret) >= 32)
) STRICT;

-- The change feed. AUTOINCREMENT: a number is never given twice, also after the newest rows were pruned.
CREATE TABLE stanchion_store_feed (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE stanchion_store_feed_consumers (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    position TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stanchion_store_idempotency (
    caller TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    status INTEGER CHECK (status BETWEEN 100 AND 599),
    headers TEXT,
    body BLOB,
    expires_at_us INTEGER NOT NULL,
    PRIMARY KEY (caller, route, key)
) STRICT;
CREATE INDEX stanchion_store_idempotency_expiry ON stanchion_store_idempotency (expires_at_us);

CREATE TABLE stanchion_store_keys (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    scopes TEXT NOT NULL,
    created_at_us INTEGER NOT NULL,
    expires_at_us INTEGER,
    revoked_at_us INTEGER
) STRICT, WITHOUT ROWID;
