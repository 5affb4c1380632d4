SELECT name, created_at_us FROM stanchion_catalog_categories ORDER BY name LIMIT 10000
