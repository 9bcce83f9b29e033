INSERT INTO baton.message_buffer (message_id, event_type, value, message, arrived_at, expires_at)
SELECT e.message_id, e.event_type, e.value, e.message::json, $5, e.expires_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $6::timestamptz[]) WITH ORDINALITY
    AS e (message_id, event_type, value, message, expires_at, position)
ORDER BY e.position
ON CONFLICT (message_id, value) DO NOTHING
