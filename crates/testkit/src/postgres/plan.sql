-- The plan of a statement as a connection prepares it: for any values, or with this many elements in each array.
CREATE FUNCTION pg_temp.plan_of(statement text, elements integer) RETURNS SETOF text LANGUAGE plpgsql AS $body$
DECLARE
    given text;
BEGIN
    EXECUTE 'PREPARE it AS ' || statement;
    SELECT '(' || string_agg(
        CASE
            WHEN elements IS NULL THEN 'NULL'
            WHEN p.type LIKE '%[]' THEN format('array_fill(%s, ARRAY[%s])', v.value, elements)
            ELSE v.value
        END,
        ', ' ORDER BY p.n
    ) || ')'
    INTO given
    FROM pg_prepared_statements AS s
    CROSS JOIN LATERAL unnest(s.parameter_types::text[]) WITH ORDINALITY AS p (type, n)
    CROSS JOIN LATERAL (SELECT replace(p.type, '[]', '') AS name) AS t
    CROSS JOIN LATERAL (
        SELECT format('%L::%s', CASE t.name
            WHEN 'uuid' THEN gen_random_uuid()::text
            WHEN 'timestamp with time zone' THEN statement_timestamp()::text
            WHEN 'boolean' THEN 'true'
            WHEN 'jsonb' THEN '{}'
            ELSE '100'
        END, t.name) AS value
    ) AS v
    WHERE s.name = 'it';
    RETURN QUERY EXECUTE 'EXPLAIN EXECUTE it' || coalesce(given, '');
END
$body$
