SELECT worker, started_at_us FROM stanchion_jobs_jobs WHERE id = ?1
