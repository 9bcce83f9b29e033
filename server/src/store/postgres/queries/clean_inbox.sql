-- An inbox row stays while its message is in the outbox: it may be delivered again as long as it is.
DELETE FROM baton.inbox WHERE ctid = ANY (ARRAY (
    SELECT i.ctid FROM baton.inbox i
    WHERE i.received_at < $1 AND NOT EXISTS (SELECT FROM baton.outbox o WHERE o.id = i.message_id)
    ORDER BY i.received_at
    LIMIT $2
    FOR UPDATE OF i SKIP LOCKED
))
