UPDATE stanchion_jobs_jobs
SET leased_until_us = max(leased_until_us, ?4), percent = coalesce(?5, percent),
    progress = CASE WHEN ?5 IS NULL THEN progress ELSE ?6 END
WHERE id = ?1 AND attempt = ?2 AND lease = ?3
RETURNING cancel_requested
