-- Walks the index of the order.
SELECT
    p.number, p.id, p.sku, p.name, p.description, p.category, p.price_amount, p.price_currency, p.attributes, p.status,
    p.version, p.created_at_us, p.updated_at_us,
    (SELECT json_group_array(json_object(
        'id', lower(hex(i.id)), 'state', i.state, 'position', i.position, 'media_type', i.media_type,
        'width', i.width, 'height', i.height, 'renditions', json(i.renditions)) ORDER BY i.position)
     FROM stanchion_catalog_pictures AS i WHERE i.product = p.number) AS images
FROM stanchion_catalog_products AS p
WHERE p.deleted_at_us IS NULL AND p.status = :status
  AND p.category = :category --? category
  AND p.number < :row --? newest after
  AND (p.name_key, p.number) > (:name_key, :row) --? name after
  AND (p.name_key, p.number) < (:name_key, :row) --? -name after
  AND (p.price_currency, p.price_amount, p.number) > (:currency, :amount, :row) --? price after
  AND (p.price_currency, p.price_amount, p.number) < (:currency, :amount, :row) --? -price after
ORDER BY p.number DESC --? newest
ORDER BY p.name_key, p.number --? name
ORDER BY p.name_key DESC, p.number DESC --? -name
ORDER BY p.price_currency, p.price_amount, p.number --? price
ORDER BY p.price_currency DESC, p.price_amount DESC, p.number DESC --? -price
LIMIT :limit
