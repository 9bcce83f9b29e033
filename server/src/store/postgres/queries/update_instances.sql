-- Only instances that are still where they were loaded ($2) are written; the caller counts them.
UPDATE baton.process_instance i
SET version = c.version, status = c.status, business_key = c.business_key, sequence = c.sequence,
    snapshot = c.snapshot::json, incident = c.incident, updated_at = c.updated_at, ended_at = c.ended_at,
    awaits_message = c.awaits_message
FROM unnest($1::uuid[], $2::bigint[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
    $9::timestamptz[], $10::timestamptz[], $11::bool[])
    AS c (id, expected_sequence, version, status, business_key, sequence, snapshot, incident, updated_at, ended_at,
        awaits_message)
WHERE i.id = c.id AND i.sequence = c.expected_sequence
