INSERT INTO process_instance (id, definition, version, status, business_key, idempotency_key, sequence, snapshot, incident,
    started_by, created_at, updated_at, ended_at, awaits_message, kind, parent)
SELECT value ->> 'id', value ->> 'definition', value ->> 'version', value ->> 'status', value ->> 'business_key',
    value ->> 'idempotency_key', value ->> 'sequence', value ->> 'snapshot', value ->> 'incident', value ->> 'started_by',
    value ->> 'created_at', value ->> 'updated_at', value ->> 'ended_at',
    value ->> 'awaits_message', value ->> 'kind', value ->> 'parent'
FROM json_each(?1)
