DELETE FROM stanchion_store.objects WHERE key = $1
