DELETE FROM stanchion_store.objects WHERE key = $1 AND doomed_at = $2
