INSERT INTO stanchion_jobs.schedules AS s (name, fired) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET fired = excluded.fired WHERE s.fired < excluded.fired
