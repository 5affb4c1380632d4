-- As fill_postgres.sql.
PRAGMA foreign_keys = false;
PRAGMA synchronous = OFF;
BEGIN;
INSERT INTO stanchion_stock_stock (sku, on_hand, reserved, version, updated_at_us)
WITH skus (s) AS (SELECT 1 UNION ALL SELECT s + 1 FROM skus WHERE s < :skus)
SELECT 'S-' || s, 950, 2, 100, 0 FROM skus;
INSERT INTO stanchion_stock_reservations (id, state, lines, created_at_us, expires_at_us, settled_at_us)
WITH skus (s) AS (SELECT 1 UNION ALL SELECT s + 1 FROM skus WHERE s < :skus),
    holds (r) AS (SELECT 1 UNION ALL SELECT r + 1 FROM holds WHERE r < 50)
SELECT unhex(printf('%032x', s * 50 + r)),
    CASE WHEN r = 50 THEN 'held' WHEN r % 2 = 1 THEN 'committed' ELSE 'released' END,
    CASE WHEN r < 50 AND r % 2 = 1 THEN printf('[{"sku":"S-%d","quantity":2,"committed":2}]', s)
        ELSE printf('[{"sku":"S-%d","quantity":2}]', s) END,
    0, 1, CASE WHEN r < 50 THEN 0 END
FROM skus, holds;
INSERT INTO stanchion_stock_stock_movements (sku, version, kind, on_hand_delta, reserved_delta, reservation_id, at_us)
WITH skus (s) AS (SELECT 1 UNION ALL SELECT s + 1 FROM skus WHERE s < :skus),
    moves (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM moves WHERE v < 100)
SELECT 'S-' || s, v,
    CASE WHEN v = 1 THEN 'received' WHEN v % 2 = 0 THEN 'reserved' WHEN v % 4 = 3 THEN 'committed' ELSE 'released' END,
    CASE WHEN v = 1 THEN 1000 WHEN v % 4 = 3 THEN -2 ELSE 0 END,
    CASE WHEN v = 1 THEN 0 WHEN v % 2 = 0 THEN 2 ELSE -2 END,
    CASE WHEN v > 1 THEN unhex(printf('%032x', s * 50 + v / 2)) END, 0
FROM skus, moves;
COMMIT;
