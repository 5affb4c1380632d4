SELECT key, job FROM stanchion_jobs.uniques WHERE key = ANY ($1::bytea[])
