-- The first row that is read takes the snapshot, which stays until the transaction ends.
BEGIN;
SELECT count(*) FROM stanchion_jobs_jobs;
