CREATE TABLE stanchion_catalog.categories (
    name text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE stanchion_catalog.products (
    id uuid PRIMARY KEY,
    sku text COLLATE "C" NOT NULL CHECK (length(sku) BETWEEN 1 AND 64),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    name_key text COLLATE "C" NOT NULL,
    description text NOT NULL CHECK (length(description) <= 10000),
    category text NOT NULL REFERENCES stanchion_catalog.categories (name),
    price_amount bigint NOT NULL CHECK (price_amount BETWEEN 0 AND 1000000000000000),
    price_currency text COLLATE "C" NOT NULL CHECK (length(price_currency) = 3),
    attributes jsonb NOT NULL CHECK (jsonb_typeof(attributes) = 'object'),
    status text NOT NULL CHECK (status IN ('draft', 'active', 'archived')),
    version bigint NOT NULL CHECK (version >= 1),
    content_hash bytea NOT NULL CHECK (length(content_hash) = 16),
    -- Words and tags made by the program; no dictionary of the server changes them.
    terms tsvector NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL CHECK (updated_at >= created_at),
    deleted_at timestamptz
);

CREATE UNIQUE INDEX products_by_sku ON stanchion_catalog.products (sku) WHERE deleted_at IS NULL;
CREATE INDEX products_newest ON stanchion_catalog.products (status, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_name ON stanchion_catalog.products (status, name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_price
    ON stanchion_catalog.products (status, price_currency, price_amount, id) WHERE deleted_at IS NULL;
CREATE INDEX products_newest_in_category
    ON stanchion_catalog.products (category, status, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_name_in_category
    ON stanchion_catalog.products (category, status, name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_price_in_category
    ON stanchion_catalog.products (category, status, price_currency, price_amount, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_terms ON stanchion_catalog.products USING gin (terms) WHERE deleted_at IS NULL;

CREATE TABLE stanchion_catalog.pictures (
    id uuid PRIMARY KEY,
    product_id uuid NOT NULL REFERENCES stanchion_catalog.products (id),
    position bigint NOT NULL CHECK (position >= 0),
    state text NOT NULL CHECK (state IN ('pending', 'ready', 'failed', 'orphaned')),
    content_hash bytea NOT NULL CHECK (length(content_hash) = 32),
    media_type text NOT NULL,
    bytes bigint NOT NULL CHECK (bytes > 0),
    width bigint NOT NULL CHECK (width > 0),
    height bigint NOT NULL CHECK (height > 0),
    renditions jsonb NOT NULL CHECK (jsonb_typeof(renditions) = 'array'),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (product_id, position),
    UNIQUE (product_id, content_hash)
);
-- Few pictures wait, and few are left over.
CREATE INDEX pictures_unsettled ON stanchion_catalog.pictures (state, id) WHERE state IN ('pending', 'orphaned');
