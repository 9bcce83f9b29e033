-- The sweep, first half: whatever is queued behind a failed delivery of its key (with the policy `skip` behind one that is
-- tried again). Driven by the failed ones, which are few.
UPDATE baton.delivery f SET state = 'parked'
FROM (
    SELECT e.destination, e.aggregate_type, e.aggregate_id, min(e.seq) AS seq FROM baton.delivery e
    WHERE e.state IN ('retrying', 'dead')
        AND (e.state = 'retrying' OR NOT EXISTS (SELECT FROM baton.destination s
            WHERE s.name = e.destination AND s.settings ->> 'order' = 'skip'))
    GROUP BY destination, aggregate_type, aggregate_id
) e
WHERE f.destination = e.destination AND f.aggregate_type = e.aggregate_type AND f.aggregate_id = e.aggregate_id
    AND f.state = 'queued' AND f.seq > e.seq
RETURNING f.message_id, f.destination
