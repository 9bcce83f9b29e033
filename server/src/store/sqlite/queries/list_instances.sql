-- Conditions are appended; the order is by id, which is by time (UUIDv7).
SELECT id, definition, version, status, business_key, sequence, snapshot, incident, started_by, created_at, updated_at,
    ended_at
FROM process_instance i
WHERE true
