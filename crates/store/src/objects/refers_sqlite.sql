SELECT EXISTS (SELECT 1 FROM stanchion_store_object_references WHERE owner = ?1 AND key = ?2)
