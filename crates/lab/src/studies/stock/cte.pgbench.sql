\set n RANDOM
WITH taken AS (
    UPDATE lab_stock SET reserved = reserved + 1, version = version + 1
    WHERE sku = 'LAB-' || :n::text AND on_hand - reserved >= 1
    RETURNING sku, version, gen_random_uuid() AS id
), made AS (
    INSERT INTO lab_reservations SELECT id, sku, 1, now() + interval '15 minutes' FROM taken
)
INSERT INTO lab_movements SELECT sku, version, 1, id, now() FROM taken;
