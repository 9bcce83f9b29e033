DELETE FROM inbox WHERE consumer = ?1 AND message_id IN (SELECT value FROM json_each(?2))
