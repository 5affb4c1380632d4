SELECT id, input FROM stanchion_jobs_jobs
WHERE state = 'waiting' AND alone = 0 AND queue = ?1 AND priority = ?2 AND run_at_us <= ?3
ORDER BY run_at_us, id
LIMIT ?4
