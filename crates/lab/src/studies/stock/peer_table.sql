CREATE TABLE lab_stock (
    sku text PRIMARY KEY,
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL
) WITH (fillfactor = 20);
INSERT INTO lab_stock SELECT 'LAB-' || n, 1000000000, 0, 1 FROM generate_series(1, 10000) AS n;
CREATE TABLE lab_reservations (
    id uuid PRIMARY KEY,
    sku text NOT NULL,
    quantity bigint NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE TABLE lab_movements (
    sku text NOT NULL,
    version bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    reservation_id uuid NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (sku, version)
);
ANALYZE lab_stock
