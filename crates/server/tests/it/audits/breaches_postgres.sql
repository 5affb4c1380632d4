-- One of each kind, each of another SKU. What would refuse them is taken away first.
ALTER TABLE stanchion_stock.stock DROP CONSTRAINT stock_check;
UPDATE stanchion_stock.stock SET on_hand = on_hand + 1 WHERE sku = 'S-1';
UPDATE stanchion_stock.stock SET reserved = reserved - 1 WHERE sku = 'S-2';
UPDATE stanchion_stock.stock SET version = version + 1 WHERE sku = 'S-3';
UPDATE stanchion_stock.stock SET reserved = on_hand + 1 WHERE sku = 'S-4';
UPDATE stanchion_stock.reservations SET state = 'expired' WHERE id = lpad(to_hex(5 * 50 + 2), 32, '0')::uuid;
