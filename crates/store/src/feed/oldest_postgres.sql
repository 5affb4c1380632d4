-- A snapshot that shows every pruned transaction as finished, and none that came later.
SELECT coalesce((SELECT format('%s:%s:', xid::text::bigint + 1, xid::text::bigint + 1) FROM stanchion_store.feed_pruned), '1:1:')
