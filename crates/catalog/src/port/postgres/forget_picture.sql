DELETE FROM stanchion_catalog.pictures WHERE id = $1 AND state = 'orphaned'
