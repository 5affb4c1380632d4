SELECT fingerprint, status, headers, body FROM stanchion_store_idempotency WHERE caller = ?1 AND route = ?2 AND key = ?3
