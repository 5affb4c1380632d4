-- What a single value must be is said by its type: PostgreSQL keeps the condition of a domain at hand, and reads that of
-- a table's CHECK anew for every statement.
CREATE DOMAIN stanchion_stock.sku AS text COLLATE "C" CHECK (length(VALUE) BETWEEN 1 AND 64);
CREATE DOMAIN stanchion_stock.pieces AS bigint CHECK (VALUE BETWEEN 0 AND 1000000000000);
CREATE DOMAIN stanchion_stock.version AS bigint CHECK (VALUE >= 1);
CREATE DOMAIN stanchion_stock.reason AS text CHECK (length(VALUE) BETWEEN 1 AND 200);
CREATE DOMAIN stanchion_stock.state AS text CHECK (VALUE IN ('held', 'committed', 'released', 'expired'));
CREATE DOMAIN stanchion_stock.kind AS text CHECK (
    VALUE IN ('received', 'adjusted', 'low_stock_set', 'reserved', 'committed', 'released', 'expired')
);
-- [{"sku", "quantity", "committed"}], by SKU; `committed` once it is.
CREATE DOMAIN stanchion_stock.lines AS jsonb CHECK (
    jsonb_typeof(VALUE) = 'array' AND jsonb_array_length(VALUE) >= 1
    AND NOT jsonb_path_exists(VALUE, '$[*] ? (@.quantity < 1 || @.committed < 0 || @.committed > @.quantity)')
);

-- Counters are in no index and pages keep room, so that an update stays on its page (HOT).
CREATE TABLE stanchion_stock.stock (
    sku stanchion_stock.sku PRIMARY KEY,
    on_hand stanchion_stock.pieces NOT NULL,
    reserved stanchion_stock.pieces NOT NULL,
    -- Rises by one with each movement, and is the number of the last one.
    version stanchion_stock.version NOT NULL,
    -- What is available at or below this is announced as low; nothing at all always is.
    low_stock stanchion_stock.pieces NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL,
    CHECK (reserved <= on_hand)
) WITH (fillfactor = 20);

CREATE TABLE stanchion_stock.reservations (
    id uuid PRIMARY KEY,
    state stanchion_stock.state NOT NULL,
    lines stanchion_stock.lines NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    settled_at timestamptz,
    CHECK ((state = 'held') = (settled_at IS NULL))
);
CREATE INDEX reservations_due ON stanchion_stock.reservations (expires_at) WHERE state = 'held';

-- The ledger. A movement's key is its SKU and the version that it led to: no two writers can both have had the last word.
-- Its row and its reservation are written by the same statement; a foreign key would look both up again for every movement.
CREATE TABLE stanchion_stock.stock_movements (
    sku stanchion_stock.sku NOT NULL,
    version stanchion_stock.version NOT NULL,
    kind stanchion_stock.kind NOT NULL,
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    reservation_id uuid,
    reason stanchion_stock.reason,
    at timestamptz NOT NULL,
    PRIMARY KEY (sku, version),
    CHECK ((reservation_id IS NULL) = (kind IN ('received', 'adjusted', 'low_stock_set')))
);

CREATE FUNCTION stanchion_stock.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'stock_movements is append-only';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON stanchion_stock.stock_movements
    FOR EACH ROW EXECUTE FUNCTION stanchion_stock.refuse_change();

-- The first outcome of each keyed request, written together with its effect.
CREATE TABLE stanchion_stock.requests (
    caller text COLLATE "C" NOT NULL,
    route text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    outcome text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (caller, route, key)
);
CREATE INDEX requests_by_expiry ON stanchion_stock.requests (expires_at);
