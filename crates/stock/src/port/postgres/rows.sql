-- The clock is read above the rows, so that it is read after their locks. One row comes back also when there is no SKU.
WITH found AS (
    SELECT s.sku, s.on_hand, s.reserved, s.version, s.low_stock, s.updated_at
    FROM stanchion_stock.stock AS s
    WHERE s.sku = ANY (:skus::text[])
    ORDER BY s.sku
    FOR NO KEY UPDATE --? locked
)
SELECT clock_timestamp() AS now, f.sku, f.on_hand, f.reserved, f.version, f.low_stock, f.updated_at
FROM (VALUES (1)) AS always
LEFT JOIN found AS f ON true
