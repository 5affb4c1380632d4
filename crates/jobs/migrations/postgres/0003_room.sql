-- The keys of unique jobs begin with 2 MB of free pages that are never given back, as the tables of jobs do: a plan that was made for
-- an empty table without a page reads all of what came since.
ALTER TABLE stanchion_jobs.uniques SET (vacuum_truncate = false, fillfactor = 10);
INSERT INTO stanchion_jobs.uniques (key, job)
SELECT sha256(('room ' || n)::bytea), '00000000-0000-0000-0000-000000000000' FROM generate_series(1, 2500) AS n;
DELETE FROM stanchion_jobs.uniques WHERE job = '00000000-0000-0000-0000-000000000000';
ALTER TABLE stanchion_jobs.uniques RESET (fillfactor);
