INSERT INTO stanchion_store_feed (topic, key, version, kind, at_us) VALUES (?1, ?2, ?3, ?4, ?5)
