DELETE FROM stanchion_limiter.limits WHERE name = $1
