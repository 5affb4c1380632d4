UPDATE stanchion_jobs_jobs SET cancel_requested = 1 WHERE id = ?1
