SELECT key FROM stanchion_store_objects WHERE marked_at_us <= ?1 AND (doomed_at_us IS NULL OR doomed_at_us <= ?2) ORDER BY marked_at_us LIMIT 1
