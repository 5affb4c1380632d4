SELECT count(*) FROM stanchion_limiter_limits
