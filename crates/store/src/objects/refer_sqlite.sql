INSERT INTO stanchion_store_object_references (owner, key) VALUES (?1, ?2) ON CONFLICT DO NOTHING
