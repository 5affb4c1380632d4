UPDATE stanchion_jobs.jobs
SET state = 'waiting', returned = NOT alone
WHERE id = ANY (ARRAY(
    SELECT id FROM stanchion_jobs.jobs
    WHERE state = 'parked' AND kind = ANY ($1::text[]) AND queue = ANY ($2::text[])
    LIMIT $3
    FOR UPDATE SKIP LOCKED
))
