-- Events ?1 (`[[id, reason], …]`) that nobody took become dead deliveries to the engine, with the class ?2, at ?3: also those
-- that an operator sent again.
INSERT INTO delivery (seq, message_id, message_type, aggregate_type, aggregate_id, destination, state, failure_class,
    last_error, failed_at)
SELECT m.seq, lower(m.id), m.type, m.aggregate_type, m.aggregate_id, 'engine', 'dead', ?2, r.value ->> 1, ?3
FROM json_each(?1) AS r
CROSS JOIN outbox m ON m.id = r.value ->> 0
WHERE true
ON CONFLICT (seq, destination) DO UPDATE
SET state = 'dead', failure_class = excluded.failure_class, last_error = excluded.last_error,
    failed_at = excluded.failed_at, next_attempt_at = NULL, ended_at = NULL
