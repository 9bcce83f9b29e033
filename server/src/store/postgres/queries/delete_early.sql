-- Whatever values they are kept for.
DELETE FROM baton.message_buffer WHERE message_id = ANY ($1::uuid[]) RETURNING message_id
