SELECT worker, count(*) FROM stanchion_jobs_jobs WHERE state = 'running' AND worker IS NOT NULL GROUP BY worker ORDER BY worker
