SELECT state FROM stanchion_jobs.jobs WHERE id = $1
UNION ALL
SELECT state FROM stanchion_jobs.history WHERE id = $1
