-- A key whose time is over is as good as none.
INSERT INTO stanchion_stock_requests AS r (caller, route, key, fingerprint, outcome, expires_at_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (caller, route, key) DO UPDATE
SET fingerprint = excluded.fingerprint, outcome = excluded.outcome, expires_at_us = excluded.expires_at_us
WHERE r.expires_at_us <= ?7
