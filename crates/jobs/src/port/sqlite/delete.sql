DELETE FROM stanchion_jobs_jobs WHERE id = ?1
