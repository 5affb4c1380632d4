SELECT product_id FROM stanchion_catalog.pictures WHERE id = $1
