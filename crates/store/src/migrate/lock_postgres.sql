SELECT pg_advisory_xact_lock(hashtextextended('stanchion migrate', 0)), set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)
