INSERT INTO stanchion_catalog_pictures (
    id, product, position, state, content_hash, media_type, bytes, width, height, renditions, created_at_us)
SELECT ?1, ?2, coalesce(max(position) + 1, 0), 'pending', ?3, ?4, ?5, ?6, ?7, '[]', ?8
FROM stanchion_catalog_pictures WHERE product = ?2
