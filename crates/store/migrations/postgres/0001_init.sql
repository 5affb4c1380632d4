CREATE TABLE stanchion_store.instance (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id uuid NOT NULL,
    secret bytea NOT NULL CHECK (length(secret) >= 32)
);

-- The change feed. A row carries its transaction's id, so that a consumer knows which rows it cannot have seen yet.
CREATE TABLE stanchion_store.feed (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    topic text NOT NULL,
    key text NOT NULL,
    version bigint NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX feed_by_transaction ON stanchion_store.feed (xid, seq);

-- The newest transaction of which rows were pruned, and the one that pruned last: a consumer that had not seen the
-- former when the latter came has missed something.
CREATE TABLE stanchion_store.feed_pruned (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    xid xid8 NOT NULL,
    pruned_by xid8 NOT NULL
);

CREATE TABLE stanchion_store.feed_consumers (
    name text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    position text NOT NULL
);

CREATE TABLE stanchion_store.idempotency (
    caller text NOT NULL,
    route text NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    status smallint CHECK (status BETWEEN 100 AND 599),
    headers text,
    body bytea,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (caller, route, key)
);
CREATE INDEX idempotency_by_expiry ON stanchion_store.idempotency (expires_at);

CREATE TABLE stanchion_store.keys (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
