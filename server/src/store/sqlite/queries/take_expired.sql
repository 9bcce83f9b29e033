-- Up to ?2 events whose time was over at ?1, and the ?3 oldest of all.
DELETE FROM message_buffer WHERE id IN (
    SELECT id FROM (SELECT id FROM message_buffer WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
    UNION
    SELECT id FROM (SELECT id FROM message_buffer ORDER BY id LIMIT ?3)
)
RETURNING value, message, CASE
    WHEN expires_at <= arrived_at THEN 'full'
    WHEN expires_at <= ?1 THEN 'over'
    ELSE 'surplus'
END
