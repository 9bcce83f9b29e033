-- A small batch of published messages older than $1, oldest first, without those that have an open delivery. Their
-- deliveries and attempts go with them.
DELETE FROM baton.outbox WHERE seq IN (
    SELECT o.seq FROM baton.outbox o
    WHERE o.published_at < $1 AND NOT EXISTS (SELECT FROM baton.delivery d
        WHERE d.seq = o.seq AND d.state IN ('queued', 'retrying', 'parked', 'dead'))
    ORDER BY o.published_at, o.seq
    LIMIT $2
)
