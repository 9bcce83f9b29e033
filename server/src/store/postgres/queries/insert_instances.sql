INSERT INTO baton.process_instance (id, definition, version, status, business_key, idempotency_key, sequence, snapshot,
    incident, started_by, created_at, updated_at, ended_at, awaits_message, kind, parent)
SELECT id, definition, version, status, business_key, idempotency_key, sequence, snapshot::json, incident, started_by,
    created_at, updated_at, ended_at, awaits_message, kind, parent
FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
    $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
    $14::bool[], $15::text[], $16::uuid[])
    AS i (id, definition, version, status, business_key, idempotency_key, sequence, snapshot, incident, started_by,
        created_at, updated_at, ended_at, awaits_message, kind, parent)
