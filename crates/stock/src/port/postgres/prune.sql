DELETE FROM stanchion_stock.requests
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM stanchion_stock.requests WHERE expires_at <= clock_timestamp() LIMIT 5000 FOR UPDATE SKIP LOCKED
))
