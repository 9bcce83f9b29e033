-- Deliveries to $1 whose turn it is at $2, of the lanes $3 (NULL: all), at most $4, without those under way ($5).
--
-- The order per key is guaranteed here and nowhere else: nothing is returned that has an earlier delivery of its key
-- which failed, is parked, or is under way. What the destination's settings say otherwise: `skip`, that a dead one holds
-- nothing up; `block`, that one that failed holds up everything. Two branches, so that those waiting for their next attempt
-- cost nothing.
WITH policy AS MATERIALIZED (
    SELECT coalesce((SELECT s.settings ->> 'order' FROM baton.destination s WHERE s.name = $1), 'park') AS name
), due AS (
    (
        SELECT d.id, d.seq, d.destination, d.attempts, d.edited_payload
        FROM baton.delivery d
        WHERE d.destination = $1 AND d.state = 'queued'
            AND ($3::smallint[] IS NULL OR d.lane = ANY ($3::smallint[])) AND d.id <> ALL ($5::bigint[])
            AND NOT EXISTS (SELECT FROM baton.delivery e
                WHERE e.destination = d.destination AND e.aggregate_type = d.aggregate_type
                    AND e.aggregate_id = d.aggregate_id AND e.state IN ('retrying', 'parked', 'dead') AND e.seq < d.seq
                    AND (e.state <> 'dead' OR (SELECT name FROM policy) <> 'skip'))
            AND NOT EXISTS (SELECT FROM baton.delivery e
                WHERE e.id = ANY ($5::bigint[]) AND e.destination = d.destination
                    AND e.aggregate_type = d.aggregate_type AND e.aggregate_id = d.aggregate_id AND e.seq < d.seq)
            AND ((SELECT name FROM policy) <> 'block' OR NOT EXISTS (SELECT FROM baton.delivery e
                WHERE e.destination = $1 AND e.state IN ('retrying', 'dead')))
        ORDER BY d.seq
        LIMIT $4
    )
    UNION ALL
    (
        SELECT d.id, d.seq, d.destination, d.attempts, d.edited_payload
        FROM baton.delivery d
        WHERE d.destination = $1 AND d.state = 'retrying' AND d.next_attempt_at <= $2
            AND ($3::smallint[] IS NULL OR d.lane = ANY ($3::smallint[])) AND d.id <> ALL ($5::bigint[])
            AND NOT EXISTS (SELECT FROM baton.delivery e
                WHERE e.destination = d.destination AND e.aggregate_type = d.aggregate_type
                    AND e.aggregate_id = d.aggregate_id AND e.state IN ('retrying', 'parked', 'dead') AND e.seq < d.seq
                    AND (e.state <> 'dead' OR (SELECT name FROM policy) <> 'skip'))
            AND NOT EXISTS (SELECT FROM baton.delivery e
                WHERE e.id = ANY ($5::bigint[]) AND e.destination = d.destination
                    AND e.aggregate_type = d.aggregate_type AND e.aggregate_id = d.aggregate_id AND e.seq < d.seq)
            AND ((SELECT name FROM policy) <> 'block' OR NOT EXISTS (SELECT FROM baton.delivery e
                WHERE e.destination = $1 AND e.state IN ('retrying', 'dead') AND e.seq < d.seq))
        ORDER BY d.seq
        LIMIT $4
    )
    ORDER BY seq
    LIMIT $4
)
SELECT o.seq, o.lane, o.id, o.kind, o.type, o.source, o.aggregate_type, o.aggregate_id, o.aggregate_version,
    o.payload::text, o.headers::text, o.correlation_id, o.causation_id, o.deliver_after, o.destination, o.created_at,
    d.id AS delivery_id, d.destination AS delivery_destination, d.attempts, d.edited_payload::text
FROM due d
JOIN baton.outbox o ON o.seq = d.seq
ORDER BY o.seq
