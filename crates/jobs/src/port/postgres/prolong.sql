-- Its holder's own renewal may give more, and goes first.
UPDATE stanchion_jobs.jobs AS j
SET leased_until = statement_timestamp() + $2 * interval '1 microsecond'
WHERE j.id = ANY (ARRAY(
    SELECT o.id FROM stanchion_jobs.jobs AS o
    WHERE o.state = 'running' AND o.leased_until > $1 AND o.leased_until <= statement_timestamp()
    ORDER BY o.leased_until
    LIMIT $3
    FOR NO KEY UPDATE SKIP LOCKED
))
