INSERT INTO stanchion_jobs_suspects (input, crashes, last_at_us) VALUES (?1, 1, ?2)
ON CONFLICT (input) DO UPDATE SET crashes = crashes + ?3, last_at_us = excluded.last_at_us
