-- Events $1 that nobody took become dead deliveries to the engine, with the class $2 and the reasons $3, at $4: also those
-- that an operator sent again.
INSERT INTO baton.delivery AS d (seq, message_id, message_type, aggregate_type, aggregate_id, lane, destination, state,
    failure_class, last_error, failed_at)
SELECT m.seq, m.id, m.type, m.aggregate_type, m.aggregate_id, m.lane, 'engine', 'dead', $2, r.reason, $4
FROM unnest($1::uuid[], $3::text[]) AS r (id, reason)
JOIN baton.outbox m ON m.id = r.id
ON CONFLICT (seq, destination) DO UPDATE
SET state = 'dead', failure_class = excluded.failure_class, last_error = excluded.last_error,
    failed_at = excluded.failed_at, next_attempt_at = NULL, ended_at = NULL
