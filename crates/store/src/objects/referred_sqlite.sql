SELECT EXISTS (SELECT 1 FROM stanchion_store_object_references WHERE key = ?1)
