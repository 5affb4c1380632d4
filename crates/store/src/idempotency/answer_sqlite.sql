UPDATE stanchion_store_idempotency SET status = ?4, headers = ?5, body = ?6 WHERE caller = ?1 AND route = ?2 AND key = ?3
