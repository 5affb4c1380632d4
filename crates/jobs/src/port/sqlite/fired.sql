-- A schedule that nobody has seen begins; of another one the tick stays, and is told.
INSERT INTO stanchion_jobs_schedules (name, fired_us) VALUES (?1, ?2)
ON CONFLICT (name) DO UPDATE SET fired_us = fired_us
RETURNING fired_us
