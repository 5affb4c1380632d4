SELECT EXISTS (SELECT FROM stanchion_store.object_references WHERE key = $1)
