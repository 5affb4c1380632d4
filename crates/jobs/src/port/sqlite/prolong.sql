UPDATE stanchion_jobs_jobs
SET leased_until_us = ?2
WHERE id IN (
    SELECT id FROM stanchion_jobs_jobs
    WHERE state = 'running' AND leased_until_us <= ?1
    ORDER BY leased_until_us
    LIMIT ?3
)
