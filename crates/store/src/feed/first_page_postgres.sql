-- One statement has one snapshot: what it shows is what pg_current_snapshot() says. New are the rows of transactions
-- that began after $1 was taken, and of those that were under way then. Some were missed when rows were pruned since,
-- and among the pruned may be such rows: of a later transaction, or of one that was under way then and no longer is.
SELECT now.snapshot::text AS snapshot, now.missed, f.seq, f.topic, f.key, f.version, f.kind, f.at
FROM (
    SELECT
        pg_current_snapshot() AS snapshot,
        EXISTS (
            SELECT FROM stanchion_store.feed_pruned AS p
            WHERE NOT pg_visible_in_snapshot(p.pruned_by, $1::text::pg_snapshot)
                AND (
                    p.xid >= pg_snapshot_xmax($1::text::pg_snapshot)
                    OR EXISTS (
                        SELECT FROM pg_snapshot_xip($1::text::pg_snapshot) AS was_running
                        WHERE was_running <= p.xid AND pg_visible_in_snapshot(was_running, pg_current_snapshot())
                    )
                )
        ) AS missed
) AS now
LEFT JOIN LATERAL (
    SELECT fresh.*
    FROM (
        SELECT begun.* FROM stanchion_store.feed AS begun
        WHERE begun.xid >= pg_snapshot_xmax($1::text::pg_snapshot)
        UNION ALL
        SELECT ended.* FROM stanchion_store.feed AS ended
        WHERE ended.xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
    ) AS fresh
    ORDER BY fresh.seq
    LIMIT $2
) AS f ON true
ORDER BY f.seq
