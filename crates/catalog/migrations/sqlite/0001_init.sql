CREATE TABLE stanchion_catalog_categories (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    created_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stanchion_catalog_products (
    -- The order in which products were committed: SQLite writes one transaction after another.
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    sku TEXT NOT NULL CHECK (length(sku) BETWEEN 1 AND 64),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    name_key TEXT NOT NULL,
    description TEXT NOT NULL CHECK (length(description) <= 10000),
    category TEXT NOT NULL REFERENCES stanchion_catalog_categories (name),
    price_amount INTEGER NOT NULL CHECK (price_amount BETWEEN 0 AND 1000000000000000),
    price_currency TEXT NOT NULL CHECK (length(price_currency) = 3),
    attributes TEXT NOT NULL CHECK (json_type(attributes) = 'object'),
    status TEXT NOT NULL CHECK (status IN ('draft', 'active', 'archived')),
    version INTEGER NOT NULL CHECK (version >= 1),
    content_hash BLOB NOT NULL CHECK (length(content_hash) = 16),
    created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL CHECK (updated_at_us >= created_at_us),
    deleted_at_us INTEGER
) STRICT;

CREATE UNIQUE INDEX stanchion_catalog_products_by_sku
    ON stanchion_catalog_products (sku) WHERE deleted_at_us IS NULL;
CREATE INDEX stanchion_catalog_products_newest
    ON stanchion_catalog_products (status) WHERE deleted_at_us IS NULL;
CREATE INDEX stanchion_catalog_products_by_name
    ON stanchion_catalog_products (status, name_key) WHERE deleted_at_us IS NULL;
CREATE INDEX stanchion_catalog_products_by_price
    ON stanchion_catalog_products (status, price_currency, price_amount) WHERE deleted_at_us IS NULL;
CREATE INDEX stanchion_catalog_products_newest_in_category
    ON stanchion_catalog_products (category, status) WHERE deleted_at_us IS NULL;
CREATE INDEX stanchion_catalog_products_by_name_in_category
    ON stanchion_catalog_products (category, status, name_key) WHERE deleted_at_us IS NULL;
CREATE INDEX stanchion_catalog_products_by_price_in_category
    ON stanchion_catalog_products (category, status, price_currency, price_amount) WHERE deleted_at_us IS NULL;

-- Narrow rows by number, so that many matches of the full-text index can be put in order without reading products.
CREATE INDEX stanchion_catalog_products_sort_keys
    ON stanchion_catalog_products (number, name_key, price_currency, price_amount);

-- Words and tags made by the program; rowid is the product's number. The ascii tokenizer takes them as they are.
CREATE VIRTUAL TABLE stanchion_catalog_terms USING fts5 (
    name, body, tags, content = '', contentless_delete = 1, detail = column, tokenize = 'ascii'
);

CREATE TABLE stanchion_catalog_pictures (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    product INTEGER NOT NULL REFERENCES stanchion_catalog_products (number),
    position INTEGER NOT NULL CHECK (position >= 0),
    state TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'failed', 'orphaned')),
    content_hash BLOB NOT NULL CHECK (length(content_hash) = 32),
    media_type TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes > 0),
    width INTEGER NOT NULL CHECK (width > 0),
    height INTEGER NOT NULL CHECK (height > 0),
    renditions TEXT NOT NULL CHECK (json_type(renditions) = 'array'),
    created_at_us INTEGER NOT NULL,
    UNIQUE (product, position),
    UNIQUE (product, content_hash)
) STRICT, WITHOUT ROWID;
-- Few pictures wait, and few are left over.
CREATE INDEX stanchion_catalog_pictures_unsettled
    ON stanchion_catalog_pictures (state, id) WHERE state IN ('pending', 'orphaned');
