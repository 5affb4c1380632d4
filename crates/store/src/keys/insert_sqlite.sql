INSERT INTO stanchion_store_keys (id, name, hash, scopes, created_at_us, expires_at_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
RETURNING id, name, hash, scopes, created_at_us, expires_at_us, revoked_at_us
