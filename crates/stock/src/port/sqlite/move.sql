INSERT INTO stanchion_stock_stock_movements
    (sku, version, kind, on_hand_delta, reserved_delta, reservation_id, reason, at_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
