SELECT number, id, version, content_hash FROM stanchion_catalog_products WHERE id = ?1 AND deleted_at_us IS NULL
