-- The first row that is read takes the snapshot, which stays until the transaction ends.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM stanchion_jobs.jobs;
