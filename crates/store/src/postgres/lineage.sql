-- The cluster, and the timeline that it writes now (a promoted or restored server writes another one).
SELECT
    (SELECT system_identifier FROM pg_control_system()),
    CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END
