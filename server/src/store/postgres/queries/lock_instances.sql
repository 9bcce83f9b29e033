-- Locked one after the other in the order of ids, so that two steps never wait for each other.
SELECT id, definition, version, status, business_key, sequence, snapshot::text, incident, started_by, created_at,
    updated_at, ended_at, kind, parent
FROM baton.process_instance
WHERE id = ANY ($1::uuid[])
ORDER BY id
FOR UPDATE
