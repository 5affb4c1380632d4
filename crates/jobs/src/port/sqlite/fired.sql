SELECT fired_us FROM stanchion_jobs_schedules WHERE name = ?1
