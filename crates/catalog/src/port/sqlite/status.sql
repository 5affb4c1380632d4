SELECT status FROM stanchion_catalog_products WHERE sku = ?1 AND deleted_at_us IS NULL
