INSERT INTO message_buffer (message_id, event_type, value, message, arrived_at, expires_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, ?2, value ->> 4 FROM json_each(?1) WHERE true
ON CONFLICT (message_id, value) DO NOTHING
