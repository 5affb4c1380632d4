INSERT INTO stanchion_store.feed (topic, key, version, kind)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
