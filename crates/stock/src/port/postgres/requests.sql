SELECT r.caller, r.route, r.key, r.fingerprint, r.outcome
FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (caller, route, key)
JOIN stanchion_stock.requests AS r USING (caller, route, key)
WHERE r.expires_at > clock_timestamp()
