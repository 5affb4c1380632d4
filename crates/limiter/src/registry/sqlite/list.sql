SELECT name, tokens, period_us, burst, fallback, servers, shadow, parts, version, updated_at_us FROM stanchion_limiter_limits ORDER BY name
