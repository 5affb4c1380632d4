SELECT queue, kind, priority, created_at_us, run_at_us, started_at_us, finished_at_us
FROM stanchion_jobs_history
WHERE state = 'completed'
ORDER BY finished_at_us DESC
LIMIT ?1
