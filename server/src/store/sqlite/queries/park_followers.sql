-- The sweep, first half: whatever is queued behind a failed delivery of its key. Driven by the failed ones, which are few.
UPDATE delivery AS f SET state = 'parked'
FROM (
    SELECT destination, aggregate_type, aggregate_id, min(seq) AS seq FROM delivery
    WHERE ended_at IS NULL AND state IN ('retrying', 'dead') GROUP BY destination, aggregate_type, aggregate_id
) AS e
WHERE f.destination = e.destination AND f.aggregate_type = e.aggregate_type AND f.aggregate_id = e.aggregate_id
    AND f.ended_at IS NULL AND f.state = 'queued' AND f.seq > e.seq
RETURNING message_id, destination
