-- Up to $2 events whose time was over at $1, and the $3 oldest of all. What a step is taking right now is left to it.
WITH due AS MATERIALIZED (
    SELECT id FROM baton.message_buffer WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
), surplus AS MATERIALIZED (
    SELECT id FROM baton.message_buffer ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
)
DELETE FROM baton.message_buffer WHERE id = ANY (ARRAY (SELECT id FROM due UNION SELECT id FROM surplus))
RETURNING value, message::text, CASE
    WHEN expires_at <= arrived_at THEN 'full'
    WHEN expires_at <= $1 THEN 'over'
    ELSE 'surplus'
END
