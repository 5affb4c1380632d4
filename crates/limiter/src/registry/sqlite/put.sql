INSERT INTO stanchion_limiter_limits (name, tokens, period_us, burst, fallback, servers, shadow, parts, version, updated_at_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (name) DO UPDATE SET
    tokens = excluded.tokens, period_us = excluded.period_us, burst = excluded.burst, fallback = excluded.fallback,
    servers = excluded.servers, shadow = excluded.shadow, parts = excluded.parts, version = excluded.version,
    updated_at_us = excluded.updated_at_us
