DELETE FROM stanchion_store_objects WHERE key = ?1
