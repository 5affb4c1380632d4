-- A fence has a lease, and so the job runs: the state is not asked, lest a plan walks the index of all leases for it.
SELECT 1 FROM stanchion_jobs.jobs
WHERE id = $1 AND attempt = $2 AND lease = $3
FOR NO KEY UPDATE
