UPDATE stanchion_store.objects SET doomed = false WHERE key = $1 AND doomed AND marked_at = $2
