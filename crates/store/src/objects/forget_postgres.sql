DELETE FROM stanchion_store.objects WHERE key = $1 AND doomed AND marked_at = $2
