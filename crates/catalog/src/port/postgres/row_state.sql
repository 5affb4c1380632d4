SELECT version, updated_at, deleted_at IS NOT NULL FROM stanchion_catalog.products WHERE id = $1
