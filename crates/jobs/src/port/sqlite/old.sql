SELECT id, unique_key FROM stanchion_jobs_history
WHERE state = 'completed' AND finished_at_us < :before --? done
WHERE state = :state AND state <> 'completed' AND finished_at_us < :before --? !done
LIMIT :limit
