DELETE FROM timer WHERE instance_id IN (SELECT value FROM json_each(?1))
