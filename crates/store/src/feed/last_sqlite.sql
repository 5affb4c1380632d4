SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'stanchion_store_feed'), 0)
