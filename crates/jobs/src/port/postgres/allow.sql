-- For what is left of a transaction, unless statements may take even less.
SELECT set_config(
    'statement_timeout',
    least($1::bigint, nullif(1000 * extract(epoch FROM current_setting('statement_timeout')::interval), 0)::bigint)::text,
    true
)
