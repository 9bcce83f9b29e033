-- What may go now ($1), of the lanes $2 (NULL: of all), at most $3, in the order of insertion, without the rows $4 (under
-- way already).
--
-- Two branches, each a walk along a narrow table that holds unpublished rows only: those that may go at once, and those
-- whose instant has come. Published rows are never visited, nor are those that wait for their instant. A message behind
-- one of its key that is not due is held back; the first operand of the OR makes that free while nothing is delayed.
-- Whether anything waits at the bus is asked along, once for the batch.
-- OFFSET 0 keeps the planner from any other join than one look-up in the outbox for each row.
SELECT seq, lane, id, kind, type, source, aggregate_type, aggregate_id, aggregate_version, payload, headers,
    correlation_id, causation_id, deliver_after, destination, created_at,
    (SELECT EXISTS (SELECT FROM baton.delivery
        WHERE destination = 'bus' AND state IN ('queued', 'retrying', 'parked', 'dead'))) AS bus_waits
FROM (
    (
        SELECT o.*
        FROM baton.outbox_pending p
        CROSS JOIN LATERAL (
            SELECT m.seq, m.lane, m.id, m.kind, m.type, m.source, m.aggregate_type, m.aggregate_id,
                m.aggregate_version, m.payload::text AS payload, m.headers::text AS headers, m.correlation_id,
                m.causation_id, m.deliver_after, m.destination, m.created_at
            FROM baton.outbox m WHERE m.seq = p.seq OFFSET 0
        ) o
        WHERE ($2::smallint[] IS NULL OR p.lane = ANY ($2::smallint[])) AND p.seq <> ALL ($4::bigint[])
            AND (
                (SELECT NOT EXISTS (SELECT FROM baton.outbox_delayed WHERE deliver_after > $1))
                OR NOT EXISTS (SELECT FROM baton.outbox_delayed e
                    WHERE e.deliver_after > $1 AND e.aggregate_type = o.aggregate_type
                        AND e.aggregate_id = o.aggregate_id AND e.seq < p.seq)
            )
        ORDER BY p.seq
        LIMIT $3
    )
    UNION ALL
    (
        SELECT o.*
        FROM baton.outbox_delayed d
        CROSS JOIN LATERAL (
            SELECT m.seq, m.lane, m.id, m.kind, m.type, m.source, m.aggregate_type, m.aggregate_id,
                m.aggregate_version, m.payload::text AS payload, m.headers::text AS headers, m.correlation_id,
                m.causation_id, m.deliver_after, m.destination, m.created_at
            FROM baton.outbox m WHERE m.seq = d.seq OFFSET 0
        ) o
        WHERE d.deliver_after <= $1
            AND ($2::smallint[] IS NULL OR d.lane = ANY ($2::smallint[])) AND d.seq <> ALL ($4::bigint[])
            AND NOT EXISTS (SELECT FROM baton.outbox_delayed e
                WHERE e.deliver_after > $1 AND e.aggregate_type = d.aggregate_type
                    AND e.aggregate_id = d.aggregate_id AND e.seq < d.seq)
        ORDER BY d.seq
        LIMIT $3
    )
) due
ORDER BY seq
LIMIT $3
