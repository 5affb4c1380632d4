UPDATE stanchion_jobs_jobs SET state = 'waiting'
WHERE id IN (SELECT id FROM stanchion_jobs_jobs WHERE state = 'parked' AND kind = ?1 AND queue = ?2 LIMIT ?3)
