-- Makes the labels of the keys of the deliveries $1 true: parked behind a failed one (with the policy `skip` behind one that
-- is tried again), queued with none before it. Returns those that are parked now.
WITH concerned AS (
    SELECT DISTINCT destination, aggregate_type, aggregate_id FROM baton.delivery WHERE id = ANY ($1::bigint[])
)
UPDATE baton.delivery f SET state = CASE f.state WHEN 'queued' THEN 'parked' ELSE 'queued' END
FROM concerned k
WHERE f.destination = k.destination AND f.aggregate_type = k.aggregate_type AND f.aggregate_id = k.aggregate_id
    AND f.state IN ('queued', 'parked')
    AND (f.state = 'queued') = EXISTS (SELECT FROM baton.delivery e
        WHERE e.destination = f.destination AND e.aggregate_type = f.aggregate_type AND e.aggregate_id = f.aggregate_id
            AND e.state IN ('retrying', 'dead') AND e.seq < f.seq
            AND (e.state = 'retrying' OR NOT EXISTS (SELECT FROM baton.destination s
            WHERE s.name = e.destination AND s.settings ->> 'order' = 'skip')))
RETURNING CASE f.state WHEN 'parked' THEN f.message_id END, f.destination
