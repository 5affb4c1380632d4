DELETE FROM stanchion_jobs_suspects
WHERE input IN (SELECT input FROM stanchion_jobs_suspects WHERE last_at_us < ?1 LIMIT ?2)
