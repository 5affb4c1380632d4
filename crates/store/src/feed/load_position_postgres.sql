SELECT position FROM stanchion_store.feed_consumers WHERE name = $1
