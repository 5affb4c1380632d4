INSERT INTO stanchion_store.object_references (owner, key)
SELECT $1, key FROM unnest($2::text[]) AS named (key)
ON CONFLICT DO NOTHING
