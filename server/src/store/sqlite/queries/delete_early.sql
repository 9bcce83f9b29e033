-- Whatever values they are kept for.
DELETE FROM message_buffer WHERE message_id IN (SELECT value FROM json_each(?1)) RETURNING message_id
