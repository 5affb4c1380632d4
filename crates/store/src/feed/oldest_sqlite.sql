SELECT min(seq) FROM stanchion_store_feed
