CREATE TABLE lab_queue (id bigint PRIMARY KEY, kind text NOT NULL, args text NOT NULL);
INSERT INTO lab_queue SELECT n, 'lab.nothing', n::text FROM generate_series(1, ROWS) AS n;
ANALYZE lab_queue
