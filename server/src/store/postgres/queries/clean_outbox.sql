-- A small batch of published messages older than $1, oldest first, without those that have an open delivery. Their
-- deliveries and attempts go with them; so do events that no instance took, which nobody has to repair. Who cleans at the same
-- time takes other rows. (An array, here and in the others, so that rows are looked up whatever the planner takes the limit to
-- be.)
DELETE FROM baton.outbox WHERE seq = ANY (ARRAY (
    SELECT p.seq FROM baton.outbox_published p
    WHERE p.published_at < $1 AND NOT EXISTS (SELECT FROM baton.delivery d
        WHERE d.seq = p.seq AND d.state IN ('queued', 'retrying', 'parked', 'dead') AND d.destination <> 'engine')
    ORDER BY p.published_at, p.seq
    LIMIT $2
    FOR UPDATE OF p SKIP LOCKED
))
