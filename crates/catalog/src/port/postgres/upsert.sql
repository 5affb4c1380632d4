-- In the order of the SKUs, so that two imports of the same products wait for each other and do not deadlock.
INSERT INTO stanchion_catalog.products AS p (
    id, sku, name, name_key, description, category, price_amount, price_currency, attributes, status, version,
    content_hash, terms, created_at, updated_at)
SELECT
    new.id, new.sku, new.name, new.name_key, new.description, new.category, new.amount, new.currency,
    new.attributes::jsonb, new.status, 1, new.content_hash, new.terms::tsvector, moment.now, moment.now
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
    $10::text[], $11::bytea[], $12::text[]
) AS new (id, sku, name, name_key, description, category, amount, currency, attributes, status, content_hash, terms),
    (SELECT clock_timestamp() AS now) AS moment
ORDER BY new.sku
ON CONFLICT (sku) WHERE deleted_at IS NULL DO UPDATE
SET name = excluded.name, name_key = excluded.name_key, description = excluded.description,
    category = excluded.category, price_amount = excluded.price_amount, price_currency = excluded.price_currency,
    attributes = excluded.attributes, status = excluded.status, version = p.version + 1,
    content_hash = excluded.content_hash, terms = excluded.terms,
    updated_at = greatest(excluded.updated_at, p.updated_at + interval '1 microsecond')
WHERE p.content_hash <> excluded.content_hash
RETURNING p.sku, p.id, p.version
