SELECT input, alone, cancel_requested, unique_key, unique_scope FROM stanchion_jobs_jobs
WHERE id = ?1 AND attempt = ?2 AND lease = ?3
