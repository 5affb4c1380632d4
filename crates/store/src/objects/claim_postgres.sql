INSERT INTO stanchion_store.objects AS o (key)
SELECT key FROM unnest($1::text[]) AS named (key) ORDER BY key
ON CONFLICT (key) DO UPDATE SET marked_at = NULL WHERE o.doomed_at IS NULL
