UPDATE stanchion_store.objects SET doomed_at = clock_timestamp() WHERE key = $1 RETURNING doomed_at
