-- One statement for the batch: a JSON list of objects, in the order in which `seq` is to be given.
-- PostgreSQL takes an array for each column instead.
INSERT INTO outbox (id, kind, type, source, aggregate_type, aggregate_id, aggregate_version, payload, headers,
    correlation_id, causation_id, deliver_after, destination, created_at)
SELECT m.value ->> 'id', m.value ->> 'kind', m.value ->> 'type', m.value ->> 'source', m.value ->> 'aggregate_type',
    m.value ->> 'aggregate_id', m.value ->> 'aggregate_version', m.value ->> 'payload', m.value ->> 'headers',
    m.value ->> 'correlation_id', m.value ->> 'causation_id', m.value ->> 'deliver_after', m.value ->> 'destination',
    m.value ->> 'created_at'
FROM json_each(?1) AS m
WHERE true
ORDER BY m.key
ON CONFLICT (id) DO NOTHING
RETURNING id
