INSERT INTO stanchion_catalog.pictures (
    id, product_id, position, state, content_hash, media_type, bytes, width, height, renditions)
SELECT $1, $2, coalesce(max(position) + 1, 0), 'pending', $3, $4, $5, $6, $7, '[]'
FROM stanchion_catalog.pictures WHERE product_id = $2
