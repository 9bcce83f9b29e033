-- The sweep, first half: whatever is queued behind a failed delivery of its key (with the policy `skip` behind one that is
-- tried again). Driven by the failed ones, which are few. What somebody else changes now is left to the next sweep: who
-- waits for nobody takes part in no deadlock.
UPDATE baton.delivery f SET state = 'parked'
FROM (
    SELECT q.id
    FROM (
        SELECT e.destination, e.aggregate_type, e.aggregate_id, min(e.seq) AS seq FROM baton.delivery e
        WHERE e.state IN ('retrying', 'dead')
            AND (e.state = 'retrying' OR NOT EXISTS (SELECT FROM baton.destination s
                WHERE s.name = e.destination AND s.settings ->> 'order' = 'skip'))
        GROUP BY destination, aggregate_type, aggregate_id
    ) e
    JOIN baton.delivery q ON q.destination = e.destination AND q.aggregate_type = e.aggregate_type
        AND q.aggregate_id = e.aggregate_id AND q.state = 'queued' AND q.seq > e.seq
    FOR UPDATE OF q SKIP LOCKED
) behind
WHERE f.id = behind.id
RETURNING f.message_id, f.destination
