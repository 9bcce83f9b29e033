-- Only instances that are still where they were loaded are written; the caller counts them.
UPDATE process_instance AS i
SET version = c.value ->> 'version', status = c.value ->> 'status', business_key = c.value ->> 'business_key',
    sequence = c.value ->> 'sequence', snapshot = c.value ->> 'snapshot', incident = c.value ->> 'incident',
    updated_at = c.value ->> 'updated_at', ended_at = c.value ->> 'ended_at',
    awaits_message = c.value ->> 'awaits_message'
FROM json_each(?1) AS c
WHERE i.id = c.value ->> 'id' AND i.sequence = c.value ->> 'expected_sequence'
