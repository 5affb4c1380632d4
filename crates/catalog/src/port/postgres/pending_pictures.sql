SELECT id FROM stanchion_catalog.pictures
WHERE state = 'pending' AND id > $1
ORDER BY id LIMIT $2
