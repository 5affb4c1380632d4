INSERT INTO stanchion_jobs_uniques (key, job) VALUES (?1, ?2)
