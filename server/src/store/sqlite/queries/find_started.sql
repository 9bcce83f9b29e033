SELECT i.definition, i.idempotency_key, i.id FROM json_each(?1) AS c
CROSS JOIN process_instance i ON i.definition = c.value ->> 0 AND i.idempotency_key = c.value ->> 1
