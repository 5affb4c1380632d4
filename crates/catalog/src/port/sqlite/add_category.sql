INSERT INTO stanchion_catalog_categories (name, created_at_us) VALUES (?1, ?2) ON CONFLICT DO NOTHING
