SELECT id FROM stanchion_catalog_pictures WHERE state = 'orphaned' ORDER BY id LIMIT ?1
