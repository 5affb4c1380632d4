SELECT clock_timestamp(), id, state, lines::text, created_at, expires_at, settled_at
FROM stanchion_stock.reservations
WHERE id = ANY ($1::uuid[])
