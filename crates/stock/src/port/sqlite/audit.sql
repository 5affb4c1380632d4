-- Every breach of what the ledger promises, as (breach, subject, detail), computed in one snapshot by the database.
-- What the three tables say of a SKU is brought together by sorting: SQLite would compare each with each in a FULL JOIN.
WITH said AS (
    SELECT sku, on_hand, reserved, version, NULL AS moved_on_hand, NULL AS moved_reserved, NULL AS movements,
        NULL AS first, NULL AS last, NULL AS held
    FROM stanchion_stock_stock
    UNION ALL
    SELECT sku, NULL, NULL, NULL, sum(on_hand_delta), sum(reserved_delta), count(*), min(version), max(version), NULL
    FROM stanchion_stock_stock_movements
    GROUP BY sku
    UNION ALL
    SELECT l.value ->> '$.sku', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, sum(l.value ->> '$.quantity')
    FROM stanchion_stock_reservations AS r, json_each(r.lines) AS l
    WHERE r.state = 'held'
    GROUP BY 1
), balance AS MATERIALIZED (
    SELECT sku, max(on_hand) AS on_hand, max(reserved) AS reserved, max(version) AS version,
        max(moved_on_hand) AS moved_on_hand, max(moved_reserved) AS moved_reserved, max(movements) AS movements,
        max(first) AS first, max(last) AS last, max(held) AS held
    FROM said
    GROUP BY sku
), due AS (
    SELECT r.id, l.value ->> '$.sku' AS sku, 'reserved' AS kind, 0 AS on_hand_delta,
        l.value ->> '$.quantity' AS reserved_delta, 1 AS weight
    FROM stanchion_stock_reservations AS r, json_each(r.lines) AS l
    UNION ALL
    SELECT r.id, l.value ->> '$.sku', r.state, -coalesce(l.value ->> '$.committed', 0), -(l.value ->> '$.quantity'), 1
    FROM stanchion_stock_reservations AS r, json_each(r.lines) AS l
    WHERE r.state <> 'held'
    UNION ALL
    SELECT reservation_id, sku, kind, on_hand_delta, reserved_delta, -1
    FROM stanchion_stock_stock_movements
    WHERE reservation_id IS NOT NULL
), off AS (
    SELECT id, sku, kind, sum(weight) AS weight
    FROM due
    GROUP BY id, sku, kind, on_hand_delta, reserved_delta
    HAVING sum(weight) <> 0
)
SELECT 'on_hand', sku, format('%d on hand, the movements add up to %d', on_hand, coalesce(moved_on_hand, 0))
FROM balance
WHERE coalesce(on_hand, 0) <> coalesce(moved_on_hand, 0)
UNION ALL
SELECT 'reserved', sku, format('%d reserved, the movements add up to %d', reserved, coalesce(moved_reserved, 0))
FROM balance
WHERE coalesce(reserved, 0) <> coalesce(moved_reserved, 0)
UNION ALL
SELECT 'versions', sku, format('at version %d with %d movements, %d to %d', version, coalesce(movements, 0), first, last)
FROM balance
WHERE coalesce(version, movements) IS NOT NULL
    AND (version IS NULL OR movements IS NOT version OR first IS NOT 1 OR last IS NOT version)
UNION ALL
SELECT 'bounds', sku, format('%d on hand, %d reserved', on_hand, reserved)
FROM stanchion_stock_stock
WHERE NOT (0 <= reserved AND reserved <= on_hand)
UNION ALL
SELECT 'held', sku, format('%d reserved, the held lines add up to %d', reserved, coalesce(held, 0))
FROM balance
WHERE coalesce(reserved, 0) <> coalesce(held, 0)
UNION ALL
SELECT 'reservation',
    lower(format('%s-%s-%s-%s-%s', substr(hex(id), 1, 8), substr(hex(id), 9, 4), substr(hex(id), 13, 4),
        substr(hex(id), 17, 4), substr(hex(id), 21))),
    CASE WHEN weight > 0 THEN format('the movement %s of %s is missing', kind, sku)
    ELSE format('the movement %s of %s is not called for', kind, sku) END
FROM off
LIMIT ?1
