CREATE TABLE stanchion_limiter.limits (
    name text COLLATE "C" PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    tokens bigint NOT NULL CHECK (tokens >= 1),
    period_us bigint NOT NULL CHECK (period_us >= 1),
    burst bigint NOT NULL CHECK (burst >= 1),
    fallback text NOT NULL CHECK (fallback IN ('deny', 'allow', 'share')),
    servers integer CHECK (servers BETWEEN 1 AND 65535),
    shadow boolean NOT NULL,
    parts integer NOT NULL CHECK (parts BETWEEN 1 AND 64 AND parts <= burst),
    version bigint NOT NULL CHECK (version >= 1),
    updated_at timestamptz NOT NULL,
    CHECK ((fallback = 'share') = (servers IS NOT NULL))
);

-- One row: the version of the last change of any limit. A limit that is made again never gets a version that it had.
CREATE TABLE stanchion_limiter.revision (
    id integer PRIMARY KEY CHECK (id = 1),
    version bigint NOT NULL CHECK (version >= 0)
);
INSERT INTO stanchion_limiter.revision (id, version) VALUES (1, 0);
