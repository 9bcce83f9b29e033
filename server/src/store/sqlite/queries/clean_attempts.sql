-- A small batch of attempts older than ?1, oldest first, of deliveries that have ended by then. Those of open deliveries stay:
-- somebody will want to know why.
DELETE FROM attempt WHERE (delivery_id, number) IN (
    SELECT a.delivery_id, a.number FROM attempt a
    JOIN delivery d ON d.id = a.delivery_id
    WHERE a.at < ?1 AND d.ended_at < ?1
    ORDER BY a.at
    LIMIT ?2
)
