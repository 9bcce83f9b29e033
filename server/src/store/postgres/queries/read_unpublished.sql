-- What may go now ($1), of the lanes $2 (NULL: of all), at most $3, in the order of insertion.
--
-- Two branches, so that each is a walk along a partial index that holds unpublished rows only: those that may go at
-- once, and those whose instant has come. Published rows are never visited, nor are those that wait for their instant.
-- A message behind one of its key that is not due is held back; the first operand of the OR makes that free while
-- nothing is delayed.
SELECT seq, lane, id, kind, type, source, aggregate_type, aggregate_id, aggregate_version, payload, headers,
    correlation_id, causation_id, deliver_after, destination, created_at
FROM (
    (
        SELECT o.seq, o.lane, o.id, o.kind, o.type, o.source, o.aggregate_type, o.aggregate_id, o.aggregate_version,
            o.payload::text AS payload, o.headers::text AS headers, o.correlation_id, o.causation_id, o.deliver_after,
            o.destination, o.created_at
        FROM baton.outbox o
        WHERE o.published_at IS NULL AND o.deliver_after IS NULL
            AND ($2::smallint[] IS NULL OR o.lane = ANY ($2::smallint[]))
            AND (
                (SELECT NOT EXISTS (SELECT FROM baton.outbox
                    WHERE published_at IS NULL AND deliver_after IS NOT NULL AND deliver_after > $1))
                OR NOT EXISTS (SELECT FROM baton.outbox e
                    WHERE e.published_at IS NULL AND e.deliver_after IS NOT NULL AND e.deliver_after > $1
                        AND e.aggregate_type = o.aggregate_type AND e.aggregate_id = o.aggregate_id AND e.seq < o.seq)
            )
        ORDER BY o.seq
        LIMIT $3
    )
    UNION ALL
    (
        SELECT o.seq, o.lane, o.id, o.kind, o.type, o.source, o.aggregate_type, o.aggregate_id, o.aggregate_version,
            o.payload::text, o.headers::text, o.correlation_id, o.causation_id, o.deliver_after, o.destination,
            o.created_at
        FROM baton.outbox o
        WHERE o.published_at IS NULL AND o.deliver_after IS NOT NULL AND o.deliver_after <= $1
            AND ($2::smallint[] IS NULL OR o.lane = ANY ($2::smallint[]))
            AND NOT EXISTS (SELECT FROM baton.outbox e
                WHERE e.published_at IS NULL AND e.deliver_after IS NOT NULL AND e.deliver_after > $1
                    AND e.aggregate_type = o.aggregate_type AND e.aggregate_id = o.aggregate_id AND e.seq < o.seq)
        ORDER BY o.seq
        LIMIT $3
    )
) due
ORDER BY seq
LIMIT $3
