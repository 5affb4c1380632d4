UPDATE stanchion_catalog_pictures SET state = 'orphaned' WHERE product = ?1
