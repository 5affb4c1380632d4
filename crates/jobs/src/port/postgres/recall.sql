-- Puts jobs that were passed by where claims look. Rows are joined, and the array comes, as those of jobs that start.
UPDATE stanchion_jobs.jobs AS j SET returned = true
FROM unnest((SELECT $1::uuid[])) AS g (id)
WHERE j.id = ANY (ARRAY[g.id])
