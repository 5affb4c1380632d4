CREATE TABLE stanchion_stock_stock (
    sku TEXT PRIMARY KEY CHECK (length(sku) BETWEEN 1 AND 64),
    on_hand INTEGER NOT NULL CHECK (on_hand BETWEEN 0 AND 1000000000000),
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    -- Rises by one with each movement, and is the number of the last one.
    version INTEGER NOT NULL CHECK (version >= 1),
    -- What is available at or below this is announced as low; nothing at all always is.
    low_stock INTEGER NOT NULL DEFAULT 0 CHECK (low_stock >= 0),
    updated_at_us INTEGER NOT NULL,
    CHECK (reserved <= on_hand)
) STRICT, WITHOUT ROWID;

CREATE TABLE stanchion_stock_reservations (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    state TEXT NOT NULL CHECK (state IN ('held', 'committed', 'released', 'expired')),
    -- [{"sku", "quantity", "committed"}], by SKU; `committed` once it is.
    lines TEXT NOT NULL CHECK (json_type(lines) = 'array' AND json_array_length(lines) >= 1),
    created_at_us INTEGER NOT NULL,
    expires_at_us INTEGER NOT NULL CHECK (expires_at_us > created_at_us),
    settled_at_us INTEGER,
    CHECK ((state = 'held') = (settled_at_us IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX stanchion_stock_reservations_due ON stanchion_stock_reservations (expires_at_us) WHERE state = 'held';

-- The ledger. A movement's key is its SKU and the version that it led to: no two writers can both have had the last word.
CREATE TABLE stanchion_stock_stock_movements (
    sku TEXT NOT NULL REFERENCES stanchion_stock_stock (sku),
    version INTEGER NOT NULL CHECK (version >= 1),
    kind TEXT NOT NULL CHECK (
        kind IN ('received', 'adjusted', 'low_stock_set', 'reserved', 'committed', 'released', 'expired')
    ),
    on_hand_delta INTEGER NOT NULL,
    reserved_delta INTEGER NOT NULL,
    reservation_id BLOB REFERENCES stanchion_stock_reservations (id),
    reason TEXT CHECK (length(reason) BETWEEN 1 AND 200),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (sku, version),
    CHECK ((reservation_id IS NULL) = (kind IN ('received', 'adjusted', 'low_stock_set')))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER stanchion_stock_no_update BEFORE UPDATE ON stanchion_stock_stock_movements
BEGIN SELECT RAISE(ABORT, 'stock_movements is append-only'); END;
CREATE TRIGGER stanchion_stock_no_delete BEFORE DELETE ON stanchion_stock_stock_movements
BEGIN SELECT RAISE(ABORT, 'stock_movements is append-only'); END;

-- The first outcome of each keyed request, written together with its effect.
CREATE TABLE stanchion_stock_requests (
    caller TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    outcome TEXT NOT NULL,
    expires_at_us INTEGER NOT NULL,
    PRIMARY KEY (caller, route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX stanchion_stock_requests_expiry ON stanchion_stock_requests (expires_at_us);
