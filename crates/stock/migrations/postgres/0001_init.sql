-- Counters are in no index and pages keep room, so that an update stays on its page (HOT).
CREATE TABLE stanchion_stock.stock (
    sku text COLLATE "C" PRIMARY KEY CHECK (length(sku) BETWEEN 1 AND 64),
    on_hand bigint NOT NULL CHECK (on_hand BETWEEN 0 AND 1000000000000),
    reserved bigint NOT NULL CHECK (reserved >= 0),
    -- Rises by one with each movement, and is the number of the last one.
    version bigint NOT NULL CHECK (version >= 1),
    -- What is available at or below this is announced as low; nothing at all always is.
    low_stock bigint NOT NULL DEFAULT 0 CHECK (low_stock >= 0),
    updated_at timestamptz NOT NULL,
    CHECK (reserved <= on_hand)
) WITH (fillfactor = 20);

CREATE TABLE stanchion_stock.reservations (
    id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('held', 'committed', 'released', 'expired')),
    -- [{"sku", "quantity", "committed"}], by SKU; `committed` once it is.
    lines jsonb NOT NULL CHECK (
        jsonb_typeof(lines) = 'array' AND jsonb_array_length(lines) >= 1
        AND NOT jsonb_path_exists(lines, '$[*] ? (@.quantity < 1 || @.committed < 0 || @.committed > @.quantity)')
    ),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    settled_at timestamptz,
    CHECK ((state = 'held') = (settled_at IS NULL))
);
CREATE INDEX reservations_due ON stanchion_stock.reservations (expires_at) WHERE state = 'held';

-- The ledger. A movement's key is its SKU and the version that it led to: no two writers can both have had the last word.
-- Its row and its reservation are written by the same statement; a foreign key would look both up again for every movement.
CREATE TABLE stanchion_stock.stock_movements (
    sku text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    kind text NOT NULL CHECK (
        kind IN ('received', 'adjusted', 'low_stock_set', 'reserved', 'committed', 'released', 'expired')
    ),
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    reservation_id uuid,
    reason text CHECK (length(reason) BETWEEN 1 AND 200),
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
