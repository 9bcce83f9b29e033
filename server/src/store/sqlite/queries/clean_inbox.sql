-- An inbox row stays while its message is in the outbox: it may be delivered again as long as it is.
DELETE FROM inbox WHERE rowid IN (
    SELECT i.rowid FROM inbox i
    WHERE i.received_at < ?1 AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = i.message_id)
    ORDER BY i.received_at
    LIMIT ?2
)
