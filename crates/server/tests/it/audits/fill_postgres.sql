-- :skus SKUs of 100 movements each: pieces come in, 49 times two of them are held and then sold or given back in turn,
-- and the last two stay held.
INSERT INTO stanchion_stock.stock (sku, on_hand, reserved, version, updated_at)
SELECT 'S-' || s, 950, 2, 100, now() FROM generate_series(1, :skus) AS s;
INSERT INTO stanchion_stock.reservations (id, state, lines, created_at, expires_at, settled_at)
SELECT lpad(to_hex(s * 50 + r), 32, '0')::uuid,
    CASE WHEN r = 50 THEN 'held' WHEN r % 2 = 1 THEN 'committed' ELSE 'released' END,
    CASE WHEN r < 50 AND r % 2 = 1 THEN format('[{"sku": "S-%s", "quantity": 2, "committed": 2}]', s)
        ELSE format('[{"sku": "S-%s", "quantity": 2}]', s) END::jsonb,
    now(), now() + interval '1 day', CASE WHEN r < 50 THEN now() END
FROM generate_series(1, :skus) AS s, generate_series(1, 50) AS r;
INSERT INTO stanchion_stock.stock_movements (sku, version, kind, on_hand_delta, reserved_delta, reservation_id, at)
SELECT 'S-' || s, v,
    CASE WHEN v = 1 THEN 'received' WHEN v % 2 = 0 THEN 'reserved' WHEN v % 4 = 3 THEN 'committed' ELSE 'released' END,
    CASE WHEN v = 1 THEN 1000 WHEN v % 4 = 3 THEN -2 ELSE 0 END,
    CASE WHEN v = 1 THEN 0 WHEN v % 2 = 0 THEN 2 ELSE -2 END,
    CASE WHEN v > 1 THEN lpad(to_hex(s * 50 + v / 2), 32, '0')::uuid END, now()
FROM generate_series(1, :skus) AS s, generate_series(1, 100) AS v;
