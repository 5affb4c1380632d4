SELECT job FROM stanchion_jobs_uniques WHERE key = ?1
