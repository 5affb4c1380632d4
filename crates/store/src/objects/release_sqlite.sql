DELETE FROM stanchion_store_object_references WHERE owner = ?1 RETURNING key
