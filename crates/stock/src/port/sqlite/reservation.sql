SELECT id, state, lines, created_at_us, expires_at_us, settled_at_us FROM stanchion_stock_reservations WHERE id = ?1
