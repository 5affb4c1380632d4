SELECT count(*) FROM stanchion_limiter.limits
