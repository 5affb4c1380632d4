SELECT id, secret FROM stanchion_store.instance
