DELETE FROM stanchion_limiter_limits WHERE name = ?1
