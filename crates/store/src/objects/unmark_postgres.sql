UPDATE stanchion_store.objects SET marked_at = NULL WHERE key = $1 AND doomed_at IS NULL
