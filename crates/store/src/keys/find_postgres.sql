SELECT id, name, hash, scopes, created_at, expires_at, revoked_at, now() AS now FROM stanchion_store.keys WHERE id = $1 AND revoked_at IS NULL
