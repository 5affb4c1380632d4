-- Poison comes back as a suspect with one crash less than condemns it, and so does not stay condemned.
UPDATE stanchion_jobs_suspects SET crashes = min(crashes, 1), last_at_us = ?2
WHERE input = (SELECT input FROM stanchion_jobs_history WHERE id = ?1 AND reason = 'poison')
