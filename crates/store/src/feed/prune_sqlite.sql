DELETE FROM stanchion_store_feed
WHERE seq IN (SELECT seq FROM stanchion_store_feed ORDER BY seq LIMIT ?2) AND at_us < ?1
