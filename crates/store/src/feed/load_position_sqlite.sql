SELECT position FROM stanchion_store_feed_consumers WHERE name = ?1
