SELECT id FROM stanchion_catalog_pictures WHERE product = ?1 AND content_hash = ?2
