SELECT coalesce(sum(n_dead_tup), 0), coalesce(sum(n_tup_upd + n_tup_del), 0)
FROM pg_stat_user_tables
WHERE schemaname = 'stanchion_jobs'
