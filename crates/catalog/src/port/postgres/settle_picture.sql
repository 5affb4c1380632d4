UPDATE stanchion_catalog.pictures SET state = $2, renditions = $3::jsonb WHERE id = $1
