DELETE FROM stanchion_jobs_history WHERE id = ?1
