INSERT INTO stanchion_jobs_schedules (name, fired_us) VALUES (?1, ?2)
ON CONFLICT (name) DO UPDATE SET fired_us = excluded.fired_us WHERE fired_us < excluded.fired_us
