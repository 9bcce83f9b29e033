-- Tasks and waits go with them.
DELETE FROM process_instance WHERE id IN (SELECT value FROM json_each(?1))
