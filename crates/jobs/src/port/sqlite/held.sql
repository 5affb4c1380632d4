SELECT input, alone, cancel_requested, unique_key, unique_scope, started_at_us IS NOT NULL FROM stanchion_jobs_jobs
WHERE id = ?1 AND attempt = ?2 AND lease = ?3
