UPDATE stanchion_store_objects SET doomed_at_us = NULL, marked_at_us = doomed_at_us WHERE key = ?1 AND doomed_at_us = ?2
