WITH locked AS (
    SELECT key FROM stanchion_store.objects WHERE key = ANY ($1) ORDER BY key FOR UPDATE
)
UPDATE stanchion_store.objects SET marked_at = now() FROM locked WHERE objects.key = locked.key
