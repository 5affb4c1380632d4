-- Objects in the object store. A row is there before its object, and goes after it.
CREATE TABLE stanchion_store.objects (
    key text COLLATE "C" PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 200),
    -- Since when it may be that nobody refers to it.
    marked_at timestamptz
);
CREATE INDEX objects_by_mark ON stanchion_store.objects (marked_at) WHERE marked_at IS NOT NULL;

CREATE TABLE stanchion_store.object_references (
    owner uuid NOT NULL,
    key text COLLATE "C" NOT NULL REFERENCES stanchion_store.objects,
    PRIMARY KEY (owner, key)
);
CREATE INDEX object_references_by_key ON stanchion_store.object_references (key);
