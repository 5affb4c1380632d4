SELECT EXISTS (SELECT FROM stanchion_store.object_references WHERE owner = $1 AND key = $2)
