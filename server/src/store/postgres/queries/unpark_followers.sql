-- The sweep, second half: whatever is parked with no failed delivery of its key before it.
UPDATE baton.delivery f SET state = 'queued'
WHERE f.state = 'parked' AND NOT EXISTS (SELECT FROM baton.delivery e
    WHERE e.destination = f.destination AND e.aggregate_type = f.aggregate_type AND e.aggregate_id = f.aggregate_id
        AND e.state IN ('retrying', 'dead') AND e.seq < f.seq
        AND (e.state = 'retrying' OR NOT EXISTS (SELECT FROM baton.destination s
            WHERE s.name = e.destination AND s.settings ->> 'order' = 'skip')))
