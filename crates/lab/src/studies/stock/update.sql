UPDATE lab_stock SET reserved = reserved + 1, version = version + 1 WHERE sku = $1 AND on_hand - reserved >= 1
