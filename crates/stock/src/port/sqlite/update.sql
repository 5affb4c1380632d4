UPDATE stanchion_stock_stock
SET on_hand = ?3, reserved = ?4, version = ?5, low_stock = ?6, updated_at_us = ?7
WHERE sku = ?1 AND version = ?2
