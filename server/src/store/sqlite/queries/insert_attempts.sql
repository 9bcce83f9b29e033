-- The attempts (?1) that were just recorded; their number is the total that their delivery has now.
INSERT INTO attempt (delivery_id, number, at, duration_ms, failure_class, error)
SELECT d.id, d.attempts_total, r.value ->> 'at', r.value ->> 'duration_ms', r.value ->> 'failure_class',
    r.value ->> 'error'
FROM json_each(?1) AS r
CROSS JOIN delivery d ON d.id = r.value ->> 'id'
