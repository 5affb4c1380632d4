SELECT 1 FROM stanchion_jobs_jobs WHERE id = ?1 AND attempt = ?2 AND lease = ?3
