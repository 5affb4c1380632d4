UPDATE stanchion_catalog.products
SET version = version + 1, updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
WHERE id = $1
RETURNING version
