-- Makes the labels of the keys of the deliveries ?1 true: parked behind a failed one (with the policy `skip` behind one that
-- is tried again), queued with none before it. Returns those that are parked now.
UPDATE delivery AS f SET state = CASE f.state WHEN 'queued' THEN 'parked' ELSE 'queued' END
FROM (
    SELECT DISTINCT destination, aggregate_type, aggregate_id FROM delivery
    WHERE id IN (SELECT value FROM json_each(?1))
) AS k
WHERE f.destination = k.destination AND f.aggregate_type = k.aggregate_type AND f.aggregate_id = k.aggregate_id
    AND f.ended_at IS NULL AND f.state IN ('queued', 'parked')
    AND (f.state = 'queued') = EXISTS (SELECT 1 FROM delivery e INDEXED BY delivery_open_key
        WHERE e.destination = f.destination AND e.aggregate_type = f.aggregate_type AND e.aggregate_id = f.aggregate_id
            AND e.ended_at IS NULL AND e.state IN ('retrying', 'dead') AND e.seq < f.seq
            AND (e.state = 'retrying'
            OR coalesce((SELECT s.settings ->> 'order' FROM destination s WHERE s.name = e.destination), 'park') <> 'skip'))
RETURNING CASE state WHEN 'parked' THEN message_id END, destination
