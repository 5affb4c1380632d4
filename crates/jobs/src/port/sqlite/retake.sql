INSERT INTO stanchion_jobs_uniques (key, job)
SELECT unique_key, id FROM stanchion_jobs_history WHERE id = ?1 AND unique_key IS NOT NULL AND unique_scope < ?2
