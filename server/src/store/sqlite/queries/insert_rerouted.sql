-- Deliveries ?1 ([[id, destination], …]) are queued at those destinations, at ?2.
INSERT INTO delivery (seq, message_id, message_type, aggregate_type, aggregate_id, destination, state, edited_payload,
    created_at)
SELECT d.seq, d.message_id, d.message_type, d.aggregate_type, d.aggregate_id, m.value ->> 1, 'queued', d.edited_payload, ?2
FROM json_each(?1) AS m
CROSS JOIN delivery d ON d.id = m.value ->> 0
WHERE d.ended_at IS NULL AND d.state IN ('queued', 'retrying')
ORDER BY d.seq
ON CONFLICT (seq, destination) DO NOTHING
RETURNING id
