DELETE FROM stanchion_store.idempotency
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM stanchion_store.idempotency WHERE expires_at <= now() LIMIT 5000 FOR UPDATE SKIP LOCKED
))
