UPDATE stanchion_store_objects SET doomed = 0 WHERE key = ?1 AND doomed AND marked_at_us = ?2
