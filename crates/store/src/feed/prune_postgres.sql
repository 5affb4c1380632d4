-- The oldest numbers first, by the primary key; the newest pruned transaction is remembered in the same statement.
WITH oldest AS (
    SELECT seq FROM stanchion_store.feed ORDER BY seq LIMIT $2
), pruned AS (
    DELETE FROM stanchion_store.feed AS f
    USING oldest
    WHERE f.seq = oldest.seq AND f.at < now() - $1 * interval '1 microsecond'
    RETURNING f.xid
), remembered AS (
    INSERT INTO stanchion_store.feed_pruned AS p (xid, pruned_by)
    SELECT xid, pg_current_xact_id() FROM pruned ORDER BY xid DESC LIMIT 1
    ON CONFLICT (one) DO UPDATE SET xid = greatest(p.xid, excluded.xid), pruned_by = excluded.pruned_by
)
SELECT count(*) FROM pruned
