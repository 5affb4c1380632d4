DELETE FROM stanchion_catalog_terms WHERE rowid = ?1
