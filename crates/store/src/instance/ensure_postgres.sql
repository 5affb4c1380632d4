INSERT INTO stanchion_store.instance (id, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING
