INSERT INTO stanchion_store.keys (id, name, hash, scopes, expires_at)
VALUES ($1, $2, $3, $4, now() + $5 * interval '1 microsecond')
RETURNING id, name, hash, scopes, created_at, expires_at, revoked_at
