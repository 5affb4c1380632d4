-- What waits before the floors, where claims do not look any more: a part of it by moments.
SELECT p.id
FROM unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::uuid[]) AS q (queue, priority, end_at, end_id)
CROSS JOIN LATERAL (
    SELECT j.id
    FROM stanchion_jobs.jobs AS j
    WHERE j.state = 'waiting' AND NOT j.alone AND NOT j.returned AND j.queue = q.queue AND j.priority = q.priority
        AND j.run_at >= $5 AND (j.run_at, j.id) < (q.end_at, q.end_id)
    ORDER BY j.run_at, j.id
    LIMIT $6
    FOR UPDATE SKIP LOCKED
) AS p
LIMIT $6
