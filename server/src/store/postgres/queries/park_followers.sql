-- The sweep, first half: whatever is queued behind a failed delivery of its key. Driven by the failed ones, which are few.
UPDATE baton.delivery f SET state = 'parked'
FROM (
    SELECT destination, aggregate_type, aggregate_id, min(seq) AS seq FROM baton.delivery
    WHERE state IN ('retrying', 'dead') GROUP BY destination, aggregate_type, aggregate_id
) e
WHERE f.destination = e.destination AND f.aggregate_type = e.aggregate_type AND f.aggregate_id = e.aggregate_id
    AND f.state = 'queued' AND f.seq > e.seq
RETURNING f.message_id, f.destination
