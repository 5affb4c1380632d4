SELECT id FROM stanchion_catalog_products WHERE number = ?1 AND deleted_at_us IS NULL
