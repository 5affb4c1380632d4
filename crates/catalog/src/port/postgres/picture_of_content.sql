SELECT id FROM stanchion_catalog.pictures WHERE product_id = $1 AND content_hash = $2
