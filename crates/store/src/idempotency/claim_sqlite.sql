INSERT INTO stanchion_store_idempotency AS i (caller, route, key, fingerprint, expires_at_us)
VALUES (?1, ?2, ?3, ?4, ?6)
ON CONFLICT (caller, route, key) DO UPDATE
SET fingerprint = excluded.fingerprint, expires_at_us = excluded.expires_at_us, status = NULL, headers = NULL, body = NULL
WHERE i.expires_at_us <= ?5
