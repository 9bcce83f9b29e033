DELETE FROM process_history WHERE instance_id IN (SELECT value FROM json_each(?1))
