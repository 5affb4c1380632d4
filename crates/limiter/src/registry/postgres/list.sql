SELECT name, tokens, period_us, burst, fallback, servers, shadow, parts, version, updated_at FROM stanchion_limiter.limits ORDER BY name
