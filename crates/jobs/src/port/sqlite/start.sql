UPDATE stanchion_jobs_jobs SET started_at_us = ?4
WHERE id = ?1 AND attempt = ?2 AND lease = ?3
