SELECT seq, topic, key, version, kind, at_us FROM stanchion_store_feed WHERE seq > ?1 ORDER BY seq LIMIT ?2
