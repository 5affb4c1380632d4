UPDATE stanchion_store_keys SET revoked_at_us = ?2 WHERE id = ?1 AND revoked_at_us IS NULL
