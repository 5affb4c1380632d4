-- A schedule that nobody has seen begins; of another one the tick stays, and is told.
INSERT INTO stanchion_jobs.schedules AS s (name, fired) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET fired = s.fired
RETURNING fired
