INSERT INTO stanchion_store_instance (id, secret) VALUES (?1, ?2) ON CONFLICT DO NOTHING
