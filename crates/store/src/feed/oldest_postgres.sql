-- As if everything up to the newest pruned transaction had been seen, but for what may be under way still.
SELECT coalesce((
    SELECT format('%s:%s:', oldest.xid, oldest.xid)
    FROM stanchion_store.feed_pruned AS p
    CROSS JOIN LATERAL (
        SELECT least(p.xid::text::bigint + 1, pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS xid
    ) AS oldest
), '1:1:')
