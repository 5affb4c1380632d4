-- The index of leases is walked from a floor on, as that of what is ready is.
SELECT worker, count(*)
FROM stanchion_jobs.jobs
WHERE state = 'running' AND leased_until >= $1 AND worker IS NOT NULL
GROUP BY worker
ORDER BY worker
