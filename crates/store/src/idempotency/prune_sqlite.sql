DELETE FROM stanchion_store_idempotency WHERE rowid IN (SELECT rowid FROM stanchion_store_idempotency WHERE expires_at_us <= ?1 LIMIT 5000)
