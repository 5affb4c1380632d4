SELECT p.number, p.id
FROM stanchion_catalog_pictures AS i JOIN stanchion_catalog_products AS p ON p.number = i.product
WHERE i.id = ?1 AND p.deleted_at_us IS NULL
