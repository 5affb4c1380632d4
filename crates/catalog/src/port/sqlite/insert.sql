INSERT INTO stanchion_catalog_products (
    id, sku, name, name_key, description, category, price_amount, price_currency, attributes, status, version,
    content_hash, created_at_us, updated_at_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11, ?12, ?12)
