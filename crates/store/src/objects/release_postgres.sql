DELETE FROM stanchion_store.object_references WHERE owner = $1 RETURNING key
