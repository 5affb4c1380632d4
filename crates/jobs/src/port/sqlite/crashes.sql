SELECT crashes FROM stanchion_jobs_suspects WHERE input = ?1
