INSERT INTO stanchion_stock_reservations (id, state, lines, created_at_us, expires_at_us, settled_at_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
