UPDATE stanchion_store_objects SET doomed = 1, marked_at_us = ?2 WHERE key = ?1
