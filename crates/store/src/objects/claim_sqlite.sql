INSERT INTO stanchion_store_objects (key) VALUES (?1) ON CONFLICT (key) DO UPDATE SET marked_at_us = NULL WHERE doomed_at_us IS NULL
