UPDATE stanchion_store.objects SET doomed = true, marked_at = clock_timestamp() WHERE key = $1 RETURNING marked_at
