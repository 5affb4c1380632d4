-- The insert waits for a concurrent one of the same key. An expired key is as good as none.
INSERT INTO stanchion_store.idempotency AS i (caller, route, key, fingerprint, expires_at)
VALUES ($1, $2, $3, $4, now() + $5 * interval '1 microsecond')
ON CONFLICT (caller, route, key) DO UPDATE
SET fingerprint = excluded.fingerprint, expires_at = excluded.expires_at, status = NULL, headers = NULL, body = NULL
WHERE i.expires_at <= now()
