-- The sweep, second half: whatever is parked with no failed delivery of its key before it.
UPDATE delivery AS f SET state = 'queued'
WHERE f.ended_at IS NULL AND f.state = 'parked' AND NOT EXISTS (SELECT 1 FROM delivery e INDEXED BY delivery_open_key
    WHERE e.destination = f.destination AND e.aggregate_type = f.aggregate_type AND e.aggregate_id = f.aggregate_id
        AND e.ended_at IS NULL AND e.state IN ('retrying', 'dead') AND e.seq < f.seq
        AND (e.state = 'retrying'
            OR coalesce((SELECT s.settings ->> 'order' FROM destination s WHERE s.name = e.destination), 'park') <> 'skip'))
