-- A volatile clock would make the index be read to its end.
SELECT clock_timestamp(), id, state, lines::text, created_at, expires_at, settled_at
FROM stanchion_stock.reservations
WHERE state = 'held' AND expires_at <= statement_timestamp()
ORDER BY expires_at
LIMIT $1
FOR UPDATE SKIP LOCKED
