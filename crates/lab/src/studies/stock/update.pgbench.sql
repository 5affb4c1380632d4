\set n RANDOM
UPDATE lab_stock SET reserved = reserved + 1, version = version + 1
WHERE sku = 'LAB-' || :n::text AND on_hand - reserved >= 1;
