-- What became of attempts (?1). The number of attempts before is the fence of each: a report that comes twice, or after
-- an operator repaired the delivery, finds another number and changes nothing.
UPDATE delivery AS d
SET state = r.value ->> 'state', attempts = d.attempts + 1, attempts_total = d.attempts_total + 1,
    next_attempt_at = r.value ->> 'next_attempt_at',
    failure_class = coalesce(r.value ->> 'failure_class', d.failure_class),
    last_error = coalesce(r.value ->> 'error', d.last_error),
    failed_at = CASE WHEN r.value ->> 'failure_class' IS NULL THEN d.failed_at ELSE r.value ->> 'at' END,
    ended_at = CASE r.value ->> 'state' WHEN 'delivered' THEN r.value ->> 'at' END
FROM json_each(?1) AS r
WHERE d.id = r.value ->> 'id' AND d.attempts = r.value ->> 'attempts' AND d.state IN ('queued', 'retrying', 'parked')
RETURNING id, destination
