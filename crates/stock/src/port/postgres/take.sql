-- One line, one statement. The waiting writer checks its condition again on the row that it waited for, so that it is
-- the row's last state that decides. A row that would fall to its threshold is left to the locked way.
WITH taken AS (
    UPDATE stanchion_stock.stock
    SET reserved = reserved + :quantity, version = version + 1, updated_at = clock_timestamp()
    WHERE sku = :sku AND on_hand - reserved - :quantity > low_stock
    RETURNING sku, version, updated_at
), made AS (
    INSERT INTO stanchion_stock.reservations (id, state, lines, created_at, expires_at)
    SELECT :id, 'held', :lines::jsonb, updated_at, updated_at + :ttl_us * interval '1 microsecond' FROM taken
    RETURNING created_at, expires_at
), moved AS (
    INSERT INTO stanchion_stock.stock_movements
        (sku, version, kind, on_hand_delta, reserved_delta, reservation_id, at)
    SELECT sku, version, 'reserved', 0, :quantity, :id, updated_at FROM taken
), kept AS ( --? keyed
    INSERT INTO stanchion_stock.requests (caller, route, key, fingerprint, outcome, expires_at) --? keyed
    SELECT :caller, :route, :key, :fingerprint, :outcome, created_at + :keep_us * interval '1 microsecond' --? keyed
    FROM made --? keyed
)
SELECT created_at, expires_at FROM made
