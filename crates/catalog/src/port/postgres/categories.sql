SELECT name, created_at FROM stanchion_catalog.categories ORDER BY name COLLATE "C" LIMIT 10000
