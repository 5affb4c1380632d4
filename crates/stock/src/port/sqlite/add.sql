INSERT INTO stanchion_stock_stock (sku, on_hand, reserved, version, low_stock, updated_at_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (sku) DO NOTHING
