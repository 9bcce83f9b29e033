DELETE FROM wait WHERE (instance_id, token) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))
