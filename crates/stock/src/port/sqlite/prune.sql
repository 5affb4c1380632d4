DELETE FROM stanchion_stock_requests
WHERE (caller, route, key) IN (
    SELECT caller, route, key FROM stanchion_stock_requests WHERE expires_at_us <= ?1 LIMIT 5000
)
