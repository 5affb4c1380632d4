SELECT sku, on_hand, reserved, version, low_stock, updated_at_us FROM stanchion_stock_stock WHERE sku = ?1
