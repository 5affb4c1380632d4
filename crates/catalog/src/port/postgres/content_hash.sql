SELECT content_hash FROM stanchion_catalog.products WHERE id = $1
