-- Dead letters under lock, the oldest first, with who has their unique keys by now.
SELECT h.id, h.kind, h.args, h.input, h.unique_key, (
    SELECT u.job FROM stanchion_jobs.uniques AS u WHERE u.key = h.unique_key AND u.job <> h.id
) AS owner
FROM stanchion_jobs.history AS h
WHERE h.state = 'dead'
    AND h.id = ANY (:ids::uuid[]) --? ids
    AND h.queue = :queue --? queue
    AND h.kind = :kind --? kind
    AND h.reason = :reason --? reason
    AND h.input = :input --? input
ORDER BY h.id
LIMIT :limit
FOR UPDATE OF h SKIP LOCKED
