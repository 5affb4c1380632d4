-- History is vacuumed for its inserts when it has doubled, and not for every fifth that is added: beside an old snapshot each time
-- reads all of it in vain. What is forgotten still brings vacuum about at 2 %.
ALTER TABLE stanchion_jobs.history SET (autovacuum_vacuum_insert_scale_factor = 1);
