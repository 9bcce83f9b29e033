INSERT INTO process_history (instance_id, sequence, at, event)
SELECT value ->> 0, value ->> 1, ?2, value ->> 2 FROM json_each(?1)
