SELECT fired FROM stanchion_jobs.schedules WHERE name = $1
