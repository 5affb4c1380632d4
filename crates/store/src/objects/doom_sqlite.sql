UPDATE stanchion_store_objects SET doomed_at_us = ?2 WHERE key = ?1
