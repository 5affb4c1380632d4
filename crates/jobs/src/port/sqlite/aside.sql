UPDATE stanchion_jobs_jobs SET alone = 1 WHERE id = ?1
