SELECT
    p.id, p.sku, p.name, p.description, p.category, p.price_amount, p.price_currency, p.attributes::text, p.status,
    p.version, p.created_at, p.updated_at,
    (SELECT json_agg(json_build_object(
        'id', i.id, 'state', i.state, 'position', i.position, 'media_type', i.media_type,
        'width', i.width, 'height', i.height, 'renditions', i.renditions) ORDER BY i.position)::text
     FROM stanchion_catalog.pictures AS i WHERE i.product_id = p.id) AS images
FROM stanchion_catalog.products AS p
WHERE p.id = ANY ($1::uuid[]) AND p.deleted_at IS NULL
