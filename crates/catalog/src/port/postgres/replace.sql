UPDATE stanchion_catalog.products
SET sku = $2, name = $3, name_key = $4, description = $5, category = $6, price_amount = $7, price_currency = $8,
    attributes = $9::jsonb, status = $10, content_hash = $11, terms = $12::tsvector, version = version + 1,
    updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
WHERE id = $1
RETURNING version
