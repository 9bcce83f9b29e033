-- Conditions are appended; the order is by the time of creation.
SELECT id, definition, version, status, business_key, sequence, snapshot::text, incident, started_by, created_at,
    updated_at, ended_at, kind, parent
FROM baton.process_instance i
WHERE true
