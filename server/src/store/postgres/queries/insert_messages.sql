-- One statement for the batch: arrays, one for each column, in the order in which `seq` is to be given.
-- SQLite has no arrays and takes one JSON document instead.
-- Asked by $15, it says what was there before: what is unpublished and not delayed (the first 33), and whether anything is
-- delayed or waits at the bus. The statement's own rows are not among them.
INSERT INTO baton.outbox (id, kind, type, source, aggregate_type, aggregate_id, aggregate_version, payload, headers,
    correlation_id, causation_id, deliver_after, destination, created_at)
SELECT m.id, m.kind, m.type, m.source, m.aggregate_type, m.aggregate_id, m.aggregate_version, m.payload::jsonb,
    m.headers::jsonb, m.correlation_id, m.causation_id, m.deliver_after, m.destination, m.created_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::text[], $14::timestamptz[]) WITH ORDINALITY
    AS m (id, kind, type, source, aggregate_type, aggregate_id, aggregate_version, payload, headers,
        correlation_id, causation_id, deliver_after, destination, created_at, position)
ORDER BY m.position
ON CONFLICT (id) DO NOTHING
RETURNING id, seq, lane,
    CASE WHEN $15 THEN ARRAY (SELECT p.seq FROM baton.outbox_pending p ORDER BY p.seq LIMIT 33) END AS before,
    CASE WHEN $15 THEN EXISTS (SELECT FROM baton.outbox_delayed)
        OR EXISTS (SELECT FROM baton.delivery
            WHERE destination = 'bus' AND state IN ('queued', 'retrying', 'parked', 'dead'))
    END AS is_held
