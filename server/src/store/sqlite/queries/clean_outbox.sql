-- A small batch of published messages older than ?1, oldest first, without those that have an open delivery. Their
-- deliveries and attempts go with them; so do events that no instance took, which nobody has to repair.
DELETE FROM outbox WHERE seq IN (
    SELECT o.seq FROM outbox o
    WHERE o.published_at < ?1 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.seq = o.seq AND d.ended_at IS NULL
        AND d.destination <> 'engine')
    ORDER BY o.published_at, o.seq
    LIMIT ?2
)
