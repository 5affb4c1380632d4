DELETE FROM stanchion_jobs_suspects WHERE input = ?1
