SELECT version, updated_at_us, deleted_at_us IS NOT NULL FROM stanchion_catalog_products WHERE id = :id
