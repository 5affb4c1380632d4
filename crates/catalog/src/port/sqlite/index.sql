INSERT INTO stanchion_catalog_terms (rowid, name, body, tags) VALUES (?1, ?2, ?3, ?4)
