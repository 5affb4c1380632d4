DELETE FROM stanchion_catalog_pictures WHERE id = ?1 AND state = 'orphaned'
