-- Walks the matches of the full-text index from the newest on; stops when the page is full.
SELECT
    p.number, p.id, p.sku, p.name, p.description, p.category, p.price_amount, p.price_currency, p.attributes, p.status,
    p.version, p.created_at_us, p.updated_at_us,
    (SELECT json_group_array(json_object(
        'id', lower(hex(i.id)), 'state', i.state, 'position', i.position, 'media_type', i.media_type,
        'width', i.width, 'height', i.height, 'renditions', json(i.renditions)) ORDER BY i.position)
     FROM stanchion_catalog_pictures AS i WHERE i.product = p.number) AS images
FROM stanchion_catalog_terms
CROSS JOIN stanchion_catalog_products AS p ON p.number = stanchion_catalog_terms.rowid
WHERE stanchion_catalog_terms MATCH :match
  AND stanchion_catalog_terms.rowid < :row --? after
ORDER BY stanchion_catalog_terms.rowid DESC
LIMIT :limit
