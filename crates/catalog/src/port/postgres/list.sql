-- With terms the planner chooses, by its statistics of how common they are, between the index of the order and the
-- inverted index.
SELECT
    p.id, p.sku, p.name, p.description, p.category, p.price_amount, p.price_currency, p.attributes::text, p.status,
    p.version, p.created_at, p.updated_at,
    (SELECT json_agg(json_build_object(
        'id', i.id, 'state', i.state, 'position', i.position, 'media_type', i.media_type,
        'width', i.width, 'height', i.height, 'renditions', i.renditions) ORDER BY i.position)::text
     FROM stanchion_catalog.pictures AS i WHERE i.product_id = p.id) AS images
FROM stanchion_catalog.products AS p
WHERE p.deleted_at IS NULL AND p.status = :status
  AND p.category = :category --? category
  AND p.terms @@ :terms::tsquery --? terms
  AND p.id < :row --? newest after
  AND (p.name_key, p.id) > (:name_key, :row) --? name after
  AND (p.name_key, p.id) < (:name_key, :row) --? -name after
  AND (p.price_currency, p.price_amount, p.id) > (:currency, :amount, :row) --? price after
  AND (p.price_currency, p.price_amount, p.id) < (:currency, :amount, :row) --? -price after
ORDER BY p.id DESC --? newest
ORDER BY p.name_key, p.id --? name
ORDER BY p.name_key DESC, p.id DESC --? -name
ORDER BY p.price_currency, p.price_amount, p.id --? price
ORDER BY p.price_currency DESC, p.price_amount DESC, p.id DESC --? -price
LIMIT :limit
