-- A small batch of attempts older than $1, oldest first, of deliveries that have ended by then. Those of open deliveries stay:
-- somebody will want to know why.
DELETE FROM baton.attempt WHERE ctid = ANY (ARRAY (
    SELECT a.ctid FROM baton.attempt a
    JOIN baton.delivery d ON d.id = a.delivery_id
    WHERE a.at < $1 AND d.ended_at < $1
    ORDER BY a.at
    LIMIT $2
    FOR UPDATE OF a SKIP LOCKED
))
