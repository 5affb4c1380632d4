UPDATE stanchion_catalog.products AS p
SET version = p.version + 1, updated_at = moment.at, deleted_at = moment.at
FROM (
    SELECT greatest(clock_timestamp(), updated_at + interval '1 microsecond') AS at
    FROM stanchion_catalog.products WHERE id = $1
) AS moment
WHERE p.id = $1
RETURNING p.version, p.updated_at
