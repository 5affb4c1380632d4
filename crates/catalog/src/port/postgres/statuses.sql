SELECT sku, status FROM stanchion_catalog.products WHERE sku = ANY ($1::text[]) AND deleted_at IS NULL
