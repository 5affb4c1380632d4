UPDATE stanchion_jobs.jobs AS j
SET started_at = statement_timestamp()
FROM unnest($1::uuid[], $2::integer[], $3::uuid[]) AS g (id, attempt, lease)
WHERE j.id = g.id AND j.attempt = g.attempt AND j.lease = g.lease
RETURNING j.id, j.attempt, j.lease
