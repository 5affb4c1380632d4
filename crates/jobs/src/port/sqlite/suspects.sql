SELECT 1 FROM stanchion_jobs_suspects LIMIT 1
