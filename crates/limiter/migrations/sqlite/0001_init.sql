CREATE TABLE stanchion_limiter_limits (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    tokens INTEGER NOT NULL CHECK (tokens >= 1),
    period_us INTEGER NOT NULL CHECK (period_us >= 1),
    burst INTEGER NOT NULL CHECK (burst >= 1),
    fallback TEXT NOT NULL CHECK (fallback IN ('deny', 'allow', 'share')),
    servers INTEGER CHECK (servers BETWEEN 1 AND 65535),
    shadow INTEGER NOT NULL CHECK (shadow IN (0, 1)),
    parts INTEGER NOT NULL CHECK (parts BETWEEN 1 AND 64 AND parts <= burst),
    version INTEGER NOT NULL CHECK (version >= 1),
    updated_at_us INTEGER NOT NULL,
    CHECK ((fallback = 'share') = (servers IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- One row: the version of the last change of any limit. A limit that is made again never gets a version that it had.
CREATE TABLE stanchion_limiter_revision (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL CHECK (version >= 0)
) STRICT;
INSERT INTO stanchion_limiter_revision (id, version) VALUES (1, 0);
