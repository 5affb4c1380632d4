SELECT id, state, lines, created_at_us, expires_at_us, settled_at_us
FROM stanchion_stock_reservations
WHERE state = 'held' AND expires_at_us <= ?1
ORDER BY expires_at_us
LIMIT ?2
