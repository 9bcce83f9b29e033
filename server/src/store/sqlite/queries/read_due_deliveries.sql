-- Deliveries to ?1 whose turn it is at ?2, at most ?3, without those under way (?4).
--
-- The order per key is guaranteed here and nowhere else: nothing is returned that has an earlier delivery of its key
-- which failed, is parked, or is under way. What the destination's settings say otherwise: `skip`, that a dead one holds
-- nothing up; `block`, that one that failed holds up everything. Two branches, so that those waiting for their next attempt
-- cost nothing.
WITH busy AS (
    SELECT id, destination, aggregate_type, aggregate_id, seq FROM delivery
    WHERE id IN (SELECT value FROM json_each(?4))
), due AS (
    SELECT * FROM (
        SELECT d.id, d.seq, d.destination, d.attempts, d.edited_payload
        FROM delivery d INDEXED BY delivery_open
        WHERE d.destination = ?1 AND d.state = 'queued' AND d.ended_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM delivery e INDEXED BY delivery_blocking_key
                WHERE e.destination = d.destination AND e.aggregate_type = d.aggregate_type
                    AND e.aggregate_id = d.aggregate_id AND e.state IN ('retrying', 'parked', 'dead') AND e.seq < d.seq
                    AND (e.state <> 'dead'
                        OR coalesce((SELECT s.settings ->> 'order' FROM destination s WHERE s.name = ?1), 'park') <> 'skip'))
            AND NOT EXISTS (SELECT 1 FROM busy b WHERE b.id = d.id
                OR (b.destination = d.destination AND b.aggregate_type = d.aggregate_type
                    AND b.aggregate_id = d.aggregate_id AND b.seq < d.seq))
            AND (coalesce((SELECT s.settings ->> 'order' FROM destination s WHERE s.name = ?1), 'park') <> 'block'
                OR NOT EXISTS (SELECT 1 FROM delivery e INDEXED BY delivery_open
                    WHERE e.destination = ?1 AND e.state IN ('retrying', 'dead') AND e.ended_at IS NULL))
        ORDER BY d.seq
        LIMIT ?3
    )
    UNION ALL
    SELECT * FROM (
        SELECT d.id, d.seq, d.destination, d.attempts, d.edited_payload
        FROM delivery d INDEXED BY delivery_retrying
        WHERE d.destination = ?1 AND d.state = 'retrying' AND d.next_attempt_at <= ?2
            AND NOT EXISTS (SELECT 1 FROM delivery e INDEXED BY delivery_blocking_key
                WHERE e.destination = d.destination AND e.aggregate_type = d.aggregate_type
                    AND e.aggregate_id = d.aggregate_id AND e.state IN ('retrying', 'parked', 'dead') AND e.seq < d.seq
                    AND (e.state <> 'dead'
                        OR coalesce((SELECT s.settings ->> 'order' FROM destination s WHERE s.name = ?1), 'park') <> 'skip'))
            AND NOT EXISTS (SELECT 1 FROM busy b WHERE b.id = d.id
                OR (b.destination = d.destination AND b.aggregate_type = d.aggregate_type
                    AND b.aggregate_id = d.aggregate_id AND b.seq < d.seq))
            AND (coalesce((SELECT s.settings ->> 'order' FROM destination s WHERE s.name = ?1), 'park') <> 'block'
                OR NOT EXISTS (SELECT 1 FROM delivery e INDEXED BY delivery_open
                    WHERE e.destination = ?1 AND e.state IN ('retrying', 'dead') AND e.ended_at IS NULL AND e.seq < d.seq))
        ORDER BY d.seq
        LIMIT ?3
    )
    ORDER BY seq
    LIMIT ?3
)
SELECT o.seq, o.id, o.kind, o.type, o.source, o.aggregate_type, o.aggregate_id, o.aggregate_version, o.payload,
    o.headers, o.correlation_id, o.causation_id, o.deliver_after, o.destination, o.created_at,
    due.id AS delivery_id, due.destination AS delivery_destination, due.attempts, due.edited_payload
FROM due
JOIN outbox o ON o.seq = due.seq
ORDER BY o.seq
