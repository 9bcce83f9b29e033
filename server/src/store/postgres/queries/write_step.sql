-- Everything that most steps write, in one statement and one round trip: instances that begin ($1-$16), instances that go on
-- ($17-$27: only those that are still where they were loaded), their history ($28-$31), messages ($32-$45), timers set
-- ($46-$48) and timers gone ($49), and messages taken in by $50 ($51: only those that were not in yet). All parts see the
-- tables as they were before, so no part may touch a row of another one: the caller leaves out timers that are set and
-- gone at once.
-- Asked by $52, it says what became of the messages, and what was there before them (see insert_messages).
WITH created AS (
    INSERT INTO baton.process_instance (id, definition, version, status, business_key, idempotency_key, sequence, snapshot,
        incident, started_by, created_at, updated_at, ended_at, awaits_message, kind, parent)
    SELECT id, definition, version, status, business_key, idempotency_key, sequence, snapshot::json, incident, started_by,
        created_at, updated_at, ended_at, awaits_message, kind, parent
    FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
        $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
        $14::bool[], $15::text[], $16::uuid[])
        AS i (id, definition, version, status, business_key, idempotency_key, sequence, snapshot, incident, started_by,
            created_at, updated_at, ended_at, awaits_message, kind, parent)
    RETURNING id
), changed AS (
    UPDATE baton.process_instance i
    SET version = c.version, status = c.status, business_key = c.business_key, sequence = c.sequence,
        snapshot = c.snapshot::json, incident = c.incident, updated_at = c.updated_at, ended_at = c.ended_at,
        awaits_message = c.awaits_message
    FROM unnest($17::uuid[], $18::bigint[], $19::int[], $20::text[], $21::text[], $22::bigint[], $23::text[], $24::text[],
        $25::timestamptz[], $26::timestamptz[], $27::bool[])
        AS c (id, expected_sequence, version, status, business_key, sequence, snapshot, incident, updated_at, ended_at,
            awaits_message)
    WHERE i.id = c.id AND i.sequence = c.expected_sequence
    RETURNING i.id
), appended AS (
    INSERT INTO baton.process_history (instance_id, sequence, at, event)
    SELECT h.instance_id, h.sequence, $31, h.event::json
    FROM unnest($28::uuid[], $29::bigint[], $30::text[]) AS h (instance_id, sequence, event)
), sent AS (
    INSERT INTO baton.outbox (id, kind, type, source, aggregate_type, aggregate_id, aggregate_version, payload, headers,
        correlation_id, causation_id, deliver_after, destination, created_at)
    SELECT m.id, m.kind, m.type, m.source, m.aggregate_type, m.aggregate_id, m.aggregate_version, m.payload::jsonb,
        m.headers::jsonb, m.correlation_id, m.causation_id, m.deliver_after, m.destination, m.created_at
    FROM unnest($32::uuid[], $33::text[], $34::text[], $35::text[], $36::text[], $37::text[], $38::bigint[], $39::text[],
        $40::text[], $41::text[], $42::text[], $43::timestamptz[], $44::text[], $45::timestamptz[]) WITH ORDINALITY
        AS m (id, kind, type, source, aggregate_type, aggregate_id, aggregate_version, payload, headers,
            correlation_id, causation_id, deliver_after, destination, created_at, position)
    ORDER BY m.position
    ON CONFLICT (id) DO NOTHING
    RETURNING id, seq, lane
), timed AS (
    INSERT INTO baton.timer (id, instance_id, due_at)
    SELECT id, instance_id, due_at FROM unnest($46::uuid[], $47::uuid[], $48::timestamptz[]) AS t (id, instance_id, due_at)
    ON CONFLICT (id) DO NOTHING
), stopped AS (
    DELETE FROM baton.timer WHERE id = ANY ($49::uuid[])
), taken AS (
    INSERT INTO baton.inbox (consumer, message_id)
    SELECT $50, m.id FROM unnest($51::uuid[]) AS m (id) ORDER BY m.id
    ON CONFLICT (consumer, message_id) DO NOTHING
    RETURNING message_id
)
-- All or nothing without another round trip: an instance that has moved on, or a message that is in already, divides by 0.
SELECT 1 / CASE
        WHEN (SELECT count(*) FROM changed) = cardinality($17::uuid[])
            AND (SELECT count(*) FROM taken) = cardinality($51::uuid[]) THEN 1
        ELSE 0
    END AS is_whole,
    CASE WHEN $52 THEN ARRAY (SELECT id FROM sent ORDER BY seq) END AS ids,
    CASE WHEN $52 THEN ARRAY (SELECT seq FROM sent ORDER BY seq) END AS seqs,
    CASE WHEN $52 THEN ARRAY (SELECT lane FROM sent ORDER BY seq) END AS lanes,
    CASE WHEN $52 THEN ARRAY (SELECT p.seq FROM baton.outbox_pending p ORDER BY p.seq LIMIT 33) END AS before,
    CASE WHEN $52 THEN EXISTS (SELECT FROM baton.outbox_delayed)
        OR EXISTS (SELECT FROM baton.delivery
            WHERE destination = 'bus' AND state IN ('queued', 'retrying', 'parked', 'dead'))
    END AS is_held
