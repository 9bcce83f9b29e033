-- The sweep, first half: whatever is queued behind a failed delivery of its key (with the policy `skip` behind one that is
-- tried again). Driven by the failed ones, which are few.
UPDATE delivery AS f SET state = 'parked'
FROM (
    SELECT e.destination, e.aggregate_type, e.aggregate_id, min(e.seq) AS seq FROM delivery e
    WHERE e.ended_at IS NULL AND e.state IN ('retrying', 'dead')
        AND (e.state = 'retrying'
            OR coalesce((SELECT s.settings ->> 'order' FROM destination s WHERE s.name = e.destination), 'park') <> 'skip')
    GROUP BY destination, aggregate_type, aggregate_id
) AS e
WHERE f.destination = e.destination AND f.aggregate_type = e.aggregate_type AND f.aggregate_id = e.aggregate_id
    AND f.ended_at IS NULL AND f.state = 'queued' AND f.seq > e.seq
RETURNING message_id, destination
