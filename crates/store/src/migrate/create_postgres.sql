DO $$
BEGIN
    -- Asked first: a role that may use the schema need not be allowed to create one.
    IF to_regclass('stanchion_{component}.migrations') IS NULL THEN
        CREATE SCHEMA IF NOT EXISTS stanchion_{component};
        CREATE TABLE stanchion_{component}.migrations (
            version bigint PRIMARY KEY,
            name text NOT NULL,
            checksum text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
    END IF;
END
$$
