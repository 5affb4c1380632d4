UPDATE stanchion_store.objects SET doomed_at = NULL, marked_at = doomed_at WHERE key = $1 AND doomed_at = $2
