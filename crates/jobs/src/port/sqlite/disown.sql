DELETE FROM stanchion_jobs_uniques WHERE key = ?1 AND job = ?2
