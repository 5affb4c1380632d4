INSERT INTO stanchion_store_objects (key) VALUES (?1) ON CONFLICT (key) DO UPDATE SET marked_at_us = NULL WHERE NOT doomed
