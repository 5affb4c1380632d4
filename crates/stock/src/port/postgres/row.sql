SELECT clock_timestamp(), sku, on_hand, reserved, version, low_stock, updated_at FROM stanchion_stock.stock WHERE sku = $1
