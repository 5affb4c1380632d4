SELECT id FROM stanchion_catalog.pictures WHERE state = 'orphaned' ORDER BY id LIMIT $1
