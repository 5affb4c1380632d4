SELECT key FROM stanchion_store.objects
WHERE marked_at <= now() - make_interval(secs => $1) AND (doomed_at IS NULL OR doomed_at <= now() - make_interval(secs => $2))
ORDER BY marked_at LIMIT 1 FOR UPDATE SKIP LOCKED
