-- What waits at a place that claims may have passed has an index of its own, in which nearly nothing was ever claimed.
ALTER TABLE stanchion_jobs.jobs ADD COLUMN returned boolean NOT NULL DEFAULT false;
CREATE INDEX jobs_returned ON stanchion_jobs.jobs (queue, priority, run_at, id) WHERE returned;
