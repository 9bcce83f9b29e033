-- Deliveries ?1, at ?2. What is queued behind a failed one of its key to the same destination starts parked.
INSERT INTO delivery (seq, message_id, message_type, aggregate_type, aggregate_id, destination, state, attempts,
    attempts_total, next_attempt_at, failure_class, last_error, failed_at, created_at)
SELECT o.seq, lower(o.id), o.type, o.aggregate_type, o.aggregate_id, d.value ->> 'destination',
    CASE WHEN d.value ->> 'state' = 'queued' AND EXISTS (SELECT 1 FROM delivery e INDEXED BY delivery_open_key
            WHERE e.destination = d.value ->> 'destination' AND e.aggregate_type = o.aggregate_type
                AND e.aggregate_id = o.aggregate_id AND e.ended_at IS NULL AND e.state IN ('retrying', 'dead')
                AND e.seq < o.seq
                AND (e.state = 'retrying'
                    OR coalesce((SELECT s.settings ->> 'order' FROM destination s WHERE s.name = e.destination), 'park') <> 'skip'))
        THEN 'parked' ELSE d.value ->> 'state' END,
    d.value ->> 'attempts', d.value ->> 'attempts', d.value ->> 'next_attempt_at', d.value ->> 'failure_class',
    d.value ->> 'last_error', CASE WHEN d.value ->> 'failure_class' IS NOT NULL THEN ?2 END, ?2
FROM json_each(?1) AS d
CROSS JOIN outbox o ON o.seq = d.value ->> 'seq'
WHERE true
ORDER BY o.seq
ON CONFLICT (seq, destination) DO NOTHING
RETURNING id, attempts, CASE state WHEN 'parked' THEN message_id END, destination
