-- Everything that a plan holds, by one statement. Each part says how many rows it wrote; the caller commits only when
-- that is what the plan expects. Nothing is added to a ledger whose rows are not as expected: the caller hears of a
-- conflict, and not of a movement that is there already. A key whose time is over is as good as none. Who is held is
-- asked by `settled_at`: by `state` the planner may read the index of all that is held.
WITH updated AS (
    SELECT 0 AS rows WHERE false --? !rows
    UPDATE stanchion_stock.stock AS s --? rows
    SET on_hand = c.on_hand, reserved = c.reserved, version = c.version, low_stock = c.low_stock, --? rows
        updated_at = :now --? rows
    FROM unnest( --? rows
        :row_sku::text[], :row_expected::bigint[], :row_on_hand::bigint[], :row_reserved::bigint[], --? rows
        :row_version::bigint[], :row_low_stock::bigint[] --? rows
    ) AS c (sku, expected, on_hand, reserved, version, low_stock) --? rows
    WHERE s.sku = c.sku AND s.version = c.expected --? rows
    RETURNING 1 --? rows
), added AS (
    SELECT 0 WHERE false --? !new
    INSERT INTO stanchion_stock.stock (sku, on_hand, reserved, version, low_stock, updated_at) --? new
    SELECT c.sku, c.on_hand, c.reserved, c.version, c.low_stock, :now --? new
    FROM unnest( --? new
        :new_sku::text[], :new_on_hand::bigint[], :new_reserved::bigint[], --? new
        :new_version::bigint[], :new_low_stock::bigint[] --? new
    ) AS c (sku, on_hand, reserved, version, low_stock) --? new
    ON CONFLICT (sku) DO NOTHING --? new
    RETURNING 1 --? new
), expected AS (
    SELECT (SELECT count(*) FROM updated) + (SELECT count(*) FROM added) = :rows AS met
), made AS (
    SELECT 0 WHERE false --? !made
    INSERT INTO stanchion_stock.reservations (id, state, lines, created_at, expires_at, settled_at) --? made
    SELECT c.id, c.state, c.lines::jsonb, c.created_at, c.expires_at, c.settled_at --? made
    FROM unnest( --? made
        :made_id::uuid[], :made_state::text[], :made_lines::text[], :made_created_at::timestamptz[], --? made
        :made_expires_at::timestamptz[], :made_settled_at::timestamptz[] --? made
    ) AS c (id, state, lines, created_at, expires_at, settled_at) --? made
    WHERE (SELECT met FROM expected) --? made
    RETURNING 1 --? made
), settled AS (
    SELECT 0 WHERE false --? !settled
    UPDATE stanchion_stock.reservations AS r --? settled
    SET state = c.state, lines = c.lines::jsonb, settled_at = :now --? settled
    FROM unnest(:settled_id::uuid[], :settled_state::text[], :settled_lines::text[]) AS c (id, state, lines) --? settled
    WHERE r.id = c.id AND r.settled_at IS NULL AND (SELECT met FROM expected) --? settled
    RETURNING 1 --? settled
), moved AS (
    SELECT 0 WHERE false --? !moved
    INSERT INTO stanchion_stock.stock_movements ( --? moved
        sku, version, kind, on_hand_delta, reserved_delta, reservation_id, reason, at) --? moved
    SELECT c.sku, c.version, c.kind, c.on_hand_delta, c.reserved_delta, c.reservation_id, c.reason, :now --? moved
    FROM unnest( --? moved
        :moved_sku::text[], :moved_version::bigint[], :moved_kind::text[], :moved_on_hand::bigint[], --? moved
        :moved_reserved::bigint[], :moved_reservation::uuid[], :moved_reason::text[] --? moved
    ) AS c (sku, version, kind, on_hand_delta, reserved_delta, reservation_id, reason) --? moved
    WHERE (SELECT met FROM expected) --? moved
    RETURNING 1 --? moved
), kept AS (
    SELECT 0 WHERE false --? !kept
    INSERT INTO stanchion_stock.requests AS r (caller, route, key, fingerprint, outcome, expires_at) --? kept
    SELECT c.caller, c.route, c.key, c.fingerprint, c.outcome, :keep_until --? kept
    FROM unnest( --? kept
        :kept_caller::text[], :kept_route::text[], :kept_key::text[], :kept_fingerprint::bytea[], --? kept
        :kept_outcome::text[] --? kept
    ) AS c (caller, route, key, fingerprint, outcome) --? kept
    WHERE (SELECT met FROM expected) --? kept
    ORDER BY c.caller, c.route, c.key --? kept
    ON CONFLICT (caller, route, key) DO UPDATE --? kept
    SET fingerprint = excluded.fingerprint, outcome = excluded.outcome, expires_at = excluded.expires_at --? kept
    WHERE r.expires_at <= :now --? kept
    RETURNING 1 --? kept
)
SELECT
    (SELECT met FROM expected) AS met,
    (SELECT count(*) FROM settled) AS settled,
    (SELECT count(*) FROM kept) AS kept
