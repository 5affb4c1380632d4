SELECT id, name, hash, scopes, created_at_us, expires_at_us, revoked_at_us FROM stanchion_store_keys WHERE id < ?1 ORDER BY id DESC LIMIT ?2
