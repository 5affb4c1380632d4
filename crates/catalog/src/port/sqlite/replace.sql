UPDATE stanchion_catalog_products
SET sku = ?2, name = ?3, name_key = ?4, description = ?5, category = ?6, price_amount = ?7, price_currency = ?8,
    attributes = ?9, status = ?10, content_hash = ?11, version = version + 1, updated_at_us = max(?12, updated_at_us + 1)
WHERE number = ?1
