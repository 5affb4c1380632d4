UPDATE stanchion_stock_reservations SET state = ?2, lines = ?3, settled_at_us = ?4 WHERE id = ?1 AND state = 'held'
