SELECT fingerprint, outcome
FROM stanchion_stock_requests
WHERE caller = ?1 AND route = ?2 AND key = ?3 AND expires_at_us > ?4
