UPDATE stanchion_catalog.pictures SET state = 'orphaned' WHERE product_id = $1
