SELECT queue, kind, priority, created_at, run_at, started_at, finished_at
FROM stanchion_jobs.history
WHERE state = 'completed'
ORDER BY finished_at DESC
LIMIT $1
