SELECT id, instance_id, due_at FROM timer WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY due_at, id
