-- Objects in the object store. A row is there before its object, and goes after it.
CREATE TABLE stanchion_store_objects (
    key TEXT PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 200),
    -- Since when it may be that nobody refers to it.
    marked_at_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX stanchion_store_objects_by_mark ON stanchion_store_objects (marked_at_us) WHERE marked_at_us IS NOT NULL;

CREATE TABLE stanchion_store_object_references (
    owner BLOB NOT NULL CHECK (length(owner) = 16),
    key TEXT NOT NULL REFERENCES stanchion_store_objects,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX stanchion_store_object_references_by_key ON stanchion_store_object_references (key);
