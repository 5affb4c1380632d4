-- A volatile clock would make the index be read to its end.
DELETE FROM stanchion_stock.requests
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM stanchion_stock.requests WHERE expires_at <= statement_timestamp() LIMIT 5000 FOR UPDATE SKIP LOCKED
))
