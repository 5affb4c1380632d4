SELECT id, name, hash, scopes, created_at, expires_at, revoked_at FROM stanchion_store.keys WHERE id < $1 ORDER BY id DESC LIMIT $2
