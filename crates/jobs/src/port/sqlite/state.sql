SELECT state, unique_key, unique_scope FROM stanchion_jobs_jobs WHERE id = ?1
