INSERT INTO stanchion_store_feed_consumers (name, position) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET position = excluded.position
