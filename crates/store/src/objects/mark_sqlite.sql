UPDATE stanchion_store_objects SET marked_at_us = ?2 WHERE key = ?1
