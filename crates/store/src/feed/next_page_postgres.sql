-- The rest of the step from snapshot $1 to snapshot $2, in the order of the numbers.
SELECT seq, topic, key, version, kind, at
FROM stanchion_store.feed
WHERE seq > $3
  AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
  AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
ORDER BY seq
LIMIT $4
