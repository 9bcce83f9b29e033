INSERT INTO timer (id, instance_id, due_at)
SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
ON CONFLICT (id) DO NOTHING
