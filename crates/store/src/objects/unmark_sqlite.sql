UPDATE stanchion_store_objects SET marked_at_us = NULL WHERE key = ?1 AND doomed_at_us IS NULL
