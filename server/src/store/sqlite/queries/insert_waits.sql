INSERT INTO wait (instance_id, token, event_type, value)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1) WHERE true
ON CONFLICT DO NOTHING
