-- Every breach of what the ledger promises, as (breach, subject, detail), computed in one snapshot by the database.
WITH moved AS (
    SELECT sku, sum(on_hand_delta) AS on_hand, sum(reserved_delta) AS reserved,
        count(*) AS movements, min(version) AS first, max(version) AS last
    FROM stanchion_stock.stock_movements
    GROUP BY sku
), balance AS (
    SELECT sku, s.on_hand, s.reserved, s.version, m.on_hand AS moved_on_hand, m.reserved AS moved_reserved,
        m.movements, m.first, m.last
    FROM stanchion_stock.stock AS s
    FULL JOIN moved AS m USING (sku)
), held AS (
    SELECT l.sku, sum(l.quantity) AS quantity
    FROM stanchion_stock.reservations AS r
    CROSS JOIN LATERAL jsonb_to_recordset(r.lines) AS l (sku text, quantity bigint)
    WHERE r.state = 'held'
    GROUP BY l.sku
), due AS (
    SELECT r.id, l.sku, 'reserved' AS kind, 0 AS on_hand_delta, l.quantity AS reserved_delta, 1 AS weight
    FROM stanchion_stock.reservations AS r
    CROSS JOIN LATERAL jsonb_to_recordset(r.lines) AS l (sku text, quantity bigint)
    UNION ALL
    SELECT r.id, l.sku, r.state, -coalesce(l.committed, 0), -l.quantity, 1
    FROM stanchion_stock.reservations AS r
    CROSS JOIN LATERAL jsonb_to_recordset(r.lines) AS l (sku text, quantity bigint, committed bigint)
    WHERE r.state <> 'held'
    UNION ALL
    SELECT reservation_id, sku, kind, on_hand_delta, reserved_delta, -1
    FROM stanchion_stock.stock_movements
    WHERE reservation_id IS NOT NULL
), off AS (
    SELECT id, sku, kind, sum(weight) AS weight
    FROM due
    GROUP BY id, sku, kind, on_hand_delta, reserved_delta
    HAVING sum(weight) <> 0
)
SELECT 'on_hand', sku, format('%s on hand, the movements add up to %s', coalesce(on_hand, 0), coalesce(moved_on_hand, 0))
FROM balance
WHERE coalesce(on_hand, 0) <> coalesce(moved_on_hand, 0)
UNION ALL
SELECT 'reserved', sku, format('%s reserved, the movements add up to %s', coalesce(reserved, 0), coalesce(moved_reserved, 0))
FROM balance
WHERE coalesce(reserved, 0) <> coalesce(moved_reserved, 0)
UNION ALL
SELECT 'versions', sku,
    format('at version %s with %s movements, %s to %s', coalesce(version, 0), coalesce(movements, 0), first, last)
FROM balance
WHERE (version, movements, first, last) IS DISTINCT FROM (version, version, 1, version) OR version IS NULL
UNION ALL
SELECT 'bounds', sku, format('%s on hand, %s reserved', on_hand, reserved)
FROM stanchion_stock.stock
WHERE NOT (0 <= reserved AND reserved <= on_hand)
UNION ALL
SELECT 'held', sku, format('%s reserved, the held lines add up to %s', coalesce(s.reserved, 0), coalesce(h.quantity, 0))
FROM stanchion_stock.stock AS s
FULL JOIN held AS h USING (sku)
WHERE coalesce(s.reserved, 0) <> coalesce(h.quantity, 0)
UNION ALL
SELECT 'reservation', id::text,
    CASE WHEN weight > 0 THEN format('the movement %s of %s is missing', kind, sku)
    ELSE format('the movement %s of %s is not called for', kind, sku) END
FROM off
LIMIT $1
