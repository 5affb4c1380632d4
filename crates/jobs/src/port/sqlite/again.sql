UPDATE stanchion_jobs_jobs
SET state = :state, run_at_us = coalesce(:run_at, run_at_us), failures = failures + :failed,
    lost_leases = lost_leases + :lost, alone = :crash OR (alone AND NOT :acquitted), lease = NULL, leased_until_us = NULL,
    started_at_us = NULL, attempts = json_insert(
        CASE WHEN json_array_length(attempts) < 50 THEN attempts ELSE json_remove(attempts, '$[0]') END,
        '$[#]', json(:attempt)
    )
WHERE id = :id
