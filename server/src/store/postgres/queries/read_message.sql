SELECT o.seq, o.lane, o.id, o.kind, o.type, o.source, o.aggregate_type, o.aggregate_id, o.aggregate_version,
    o.payload::text, o.headers::text, o.correlation_id, o.causation_id, o.deliver_after, o.destination, o.created_at,
    p.published_at
FROM baton.outbox o
LEFT JOIN baton.outbox_published p ON p.seq = o.seq
WHERE o.id = $1
