-- Conditions, order and limit are appended.
SELECT o.seq, o.id, o.kind, o.type, o.source, o.aggregate_type, o.aggregate_id, o.aggregate_version, o.payload, o.headers,
    o.correlation_id, o.causation_id, o.deliver_after, o.destination, o.created_at, o.published_at
FROM outbox o
WHERE true
