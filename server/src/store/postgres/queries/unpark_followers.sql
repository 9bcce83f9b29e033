-- The sweep, second half: whatever is parked with no failed delivery of its key before it, and in nobody else's hands.
UPDATE baton.delivery f SET state = 'queued'
FROM (
    SELECT p.id FROM baton.delivery p
    WHERE p.state = 'parked' AND NOT EXISTS (SELECT FROM baton.delivery e
        WHERE e.destination = p.destination AND e.aggregate_type = p.aggregate_type AND e.aggregate_id = p.aggregate_id
            AND e.state IN ('retrying', 'dead') AND e.seq < p.seq
            AND (e.state = 'retrying' OR NOT EXISTS (SELECT FROM baton.destination s
                WHERE s.name = e.destination AND s.settings ->> 'order' = 'skip')))
    FOR UPDATE OF p SKIP LOCKED
) free
WHERE f.id = free.id
