UPDATE stanchion_stock_stock
SET reserved = reserved + ?2, version = version + 1, updated_at_us = ?3
WHERE sku = ?1 AND on_hand - reserved - ?2 > low_stock
RETURNING version
