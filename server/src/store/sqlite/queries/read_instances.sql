-- Nothing to lock: whoever is here is the only one that writes.
SELECT id, definition, version, status, business_key, sequence, snapshot, incident, started_by, created_at, updated_at,
    ended_at, kind, parent
FROM process_instance
WHERE id IN (SELECT value FROM json_each(?1))
