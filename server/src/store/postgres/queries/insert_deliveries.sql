-- Deliveries of the rows $9 that were marked in this transaction. What is queued behind a failed one of its key to the
-- same destination starts parked. Attempts made already (the first pass on the bus) are written down beside it.
WITH written AS (
    INSERT INTO baton.delivery (seq, message_id, message_type, aggregate_type, aggregate_id, lane, destination, state,
        attempts, attempts_total, next_attempt_at, failure_class, last_error, failed_at, created_at)
    SELECT o.seq, o.id, o.type, o.aggregate_type, o.aggregate_id, o.lane, d.destination,
        CASE WHEN d.state = 'queued' AND EXISTS (SELECT FROM baton.delivery e
                WHERE e.destination = d.destination AND e.aggregate_type = o.aggregate_type
                    AND e.aggregate_id = o.aggregate_id AND e.state IN ('retrying', 'dead') AND e.seq < o.seq
                    AND (e.state = 'retrying' OR NOT EXISTS (SELECT FROM baton.destination s
                        WHERE s.name = e.destination AND s.settings ->> 'order' = 'skip')))
            THEN 'parked' ELSE d.state END,
        d.attempts, d.attempts, d.next_attempt_at, d.failure_class, d.last_error,
        CASE WHEN d.failure_class IS NOT NULL THEN $8 END, $8
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::int[], $5::timestamptz[], $6::text[], $7::text[])
        AS d (seq, destination, state, attempts, next_attempt_at, failure_class, last_error)
    JOIN baton.outbox o ON o.seq = d.seq
    WHERE d.seq = ANY ($9::bigint[])
    ORDER BY d.seq
    ON CONFLICT (seq, destination) DO NOTHING
    RETURNING id, attempts, failure_class, last_error, state, message_id, destination
), logged AS (
    INSERT INTO baton.attempt (delivery_id, number, at, duration_ms, failure_class, error)
    SELECT id, attempts, $8, 0, failure_class, last_error FROM written WHERE attempts > 0
), counted AS (
    INSERT INTO baton.message_minute AS m (minute, shard, failed)
    SELECT date_trunc('minute', $8::timestamptz), pg_backend_pid() % 16, count(*) FROM written WHERE attempts > 0
        HAVING count(*) > 0
    ON CONFLICT (minute, shard) DO UPDATE SET failed = m.failed + excluded.failed
), counted_there AS (
    INSERT INTO baton.destination_minute AS m (minute, destination, shard, failed)
    SELECT date_trunc('minute', $8::timestamptz), destination, pg_backend_pid() % 16, count(*) FROM written
    WHERE attempts > 0 GROUP BY destination ORDER BY destination
    ON CONFLICT (minute, destination, shard) DO UPDATE SET failed = m.failed + excluded.failed
)
SELECT id, CASE state WHEN 'parked' THEN message_id END, CASE state WHEN 'parked' THEN destination END FROM written
