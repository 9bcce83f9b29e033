-- Deliveries $1 go to the destinations $2 instead, at $3. One that an operator has ended meanwhile stays ended.
WITH gone AS (
    UPDATE baton.delivery SET state = 'discarded', next_attempt_at = NULL, ended_at = $3
    WHERE id = ANY ($1::bigint[]) AND state IN ('queued', 'retrying')
    RETURNING id, seq, message_id, message_type, aggregate_type, aggregate_id, lane, edited_payload
)
INSERT INTO baton.delivery (seq, message_id, message_type, aggregate_type, aggregate_id, lane, destination, state,
    edited_payload, created_at)
SELECT g.seq, g.message_id, g.message_type, g.aggregate_type, g.aggregate_id, g.lane, m.destination, 'queued',
    g.edited_payload, $3
FROM unnest($1::bigint[], $2::text[]) AS m (id, destination)
JOIN gone g ON g.id = m.id
ORDER BY g.seq
ON CONFLICT (seq, destination) DO NOTHING
RETURNING id
