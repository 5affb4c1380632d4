-- Dead letters, the oldest first, with who has their unique keys by now.
SELECT h.id, h.kind, h.args, h.input, h.unique_key, (
    SELECT u.job FROM stanchion_jobs_uniques AS u WHERE u.key = h.unique_key AND u.job <> h.id
)
FROM stanchion_jobs_history AS h
WHERE h.state = 'dead' AND h.state <> 'completed'
    AND h.id = :id --? id
    AND h.queue = :queue --? queue
    AND h.kind = :kind --? kind
    AND h.reason = :reason --? reason
    AND h.input = :input --? input
ORDER BY h.id
LIMIT :limit
