-- In one order, so that two writers of the same new categories wait for each other and do not deadlock.
INSERT INTO stanchion_catalog.categories (name)
SELECT DISTINCT given.name FROM unnest($1::text[]) AS given (name)
WHERE NOT EXISTS (SELECT FROM stanchion_catalog.categories AS known WHERE known.name = given.name)
ORDER BY given.name
ON CONFLICT DO NOTHING
