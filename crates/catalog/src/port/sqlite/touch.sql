UPDATE stanchion_catalog_products SET version = version + 1, updated_at_us = max(?2, updated_at_us + 1)
WHERE number = ?1
RETURNING version, updated_at_us
