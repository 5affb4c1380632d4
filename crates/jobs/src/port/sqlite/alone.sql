SELECT id, input, run_at_us FROM stanchion_jobs_jobs
WHERE state = 'waiting' AND alone = 1 AND queue = ?1 AND run_at_us <= ?2
ORDER BY run_at_us, id
LIMIT 1
