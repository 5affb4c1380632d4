-- As breaches_postgres.sql.
PRAGMA ignore_check_constraints = true;
UPDATE stanchion_stock_stock SET on_hand = on_hand + 1 WHERE sku = 'S-1';
UPDATE stanchion_stock_stock SET reserved = reserved - 1 WHERE sku = 'S-2';
UPDATE stanchion_stock_stock SET version = version + 1 WHERE sku = 'S-3';
UPDATE stanchion_stock_stock SET reserved = on_hand + 1 WHERE sku = 'S-4';
UPDATE stanchion_stock_reservations SET state = 'expired' WHERE id = unhex(printf('%032x', 5 * 50 + 2));
