SELECT id, secret FROM stanchion_store_instance
