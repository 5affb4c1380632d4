INSERT INTO stanchion_limiter.limits (name, tokens, period_us, burst, fallback, servers, shadow, parts, version, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())
ON CONFLICT (name) DO UPDATE SET
    tokens = excluded.tokens, period_us = excluded.period_us, burst = excluded.burst, fallback = excluded.fallback,
    servers = excluded.servers, shadow = excluded.shadow, parts = excluded.parts, version = excluded.version,
    updated_at = excluded.updated_at
RETURNING name, tokens, period_us, burst, fallback, servers, shadow, parts, version, updated_at
