UPDATE stanchion_catalog_pictures SET state = ?2, renditions = ?3 WHERE id = ?1
