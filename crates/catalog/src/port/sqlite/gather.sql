-- Gathers every match of the full-text index, then puts the page's rows in order.
SELECT
    p.number, p.id, p.sku, p.name, p.description, p.category, p.price_amount, p.price_currency, p.attributes, p.status,
    p.version, p.created_at_us, p.updated_at_us,
    (SELECT json_group_array(json_object(
        'id', lower(hex(i.id)), 'state', i.state, 'position', i.position, 'media_type', i.media_type,
        'width', i.width, 'height', i.height, 'renditions', json(i.renditions)) ORDER BY i.position)
     FROM stanchion_catalog_pictures AS i WHERE i.product = p.number) AS images
FROM stanchion_catalog_products AS p
WHERE p.number IN (
    SELECT m.number
    FROM stanchion_catalog_terms
    CROSS JOIN stanchion_catalog_products AS m INDEXED BY stanchion_catalog_products_sort_keys
        ON m.number = stanchion_catalog_terms.rowid
    WHERE stanchion_catalog_terms MATCH :match
      AND (m.name_key, m.number) > (:name_key, :row) --? name after
      AND (m.name_key, m.number) < (:name_key, :row) --? -name after
      AND (m.price_currency, m.price_amount, m.number) > (:currency, :amount, :row) --? price after
      AND (m.price_currency, m.price_amount, m.number) < (:currency, :amount, :row) --? -price after
    ORDER BY m.name_key, m.number --? name
    ORDER BY m.name_key DESC, m.number DESC --? -name
    ORDER BY m.price_currency, m.price_amount, m.number --? price
    ORDER BY m.price_currency DESC, m.price_amount DESC, m.number DESC --? -price
    LIMIT :limit
)
ORDER BY p.name_key, p.number --? name
ORDER BY p.name_key DESC, p.number DESC --? -name
ORDER BY p.price_currency, p.price_amount, p.number --? price
ORDER BY p.price_currency DESC, p.price_amount DESC, p.number DESC --? -price
