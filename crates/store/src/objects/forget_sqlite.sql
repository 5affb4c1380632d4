DELETE FROM stanchion_store_objects WHERE key = ?1 AND doomed_at_us = ?2
