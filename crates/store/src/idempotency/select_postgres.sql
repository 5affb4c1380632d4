SELECT fingerprint, status::bigint, headers, body FROM stanchion_store.idempotency WHERE caller = $1 AND route = $2 AND key = $3
