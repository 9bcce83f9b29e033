-- What became of attempts. The number of attempts before is the fence of each: a report that comes twice, or after an
-- operator repaired the delivery, finds another number and changes nothing.
WITH reported AS (
    SELECT * FROM unnest($1::bigint[], $2::int[], $3::timestamptz[], $4::bigint[], $5::text[], $6::timestamptz[],
        $7::text[], $8::text[]) AS r (id, attempts, at, duration_ms, state, next_attempt_at, failure_class, error)
), written AS (
    UPDATE baton.delivery d
    SET state = r.state, attempts = d.attempts + 1, attempts_total = d.attempts_total + 1,
        next_attempt_at = r.next_attempt_at, failure_class = coalesce(r.failure_class, d.failure_class),
        last_error = coalesce(r.error, d.last_error),
        failed_at = CASE WHEN r.failure_class IS NULL THEN d.failed_at ELSE r.at END, ended_at = CASE r.state WHEN 'delivered' THEN r.at END
    FROM reported r
    WHERE d.id = r.id AND d.attempts = r.attempts AND d.state IN ('queued', 'retrying', 'parked')
    RETURNING d.id, d.destination, d.attempts_total, r.at, r.duration_ms, r.failure_class, r.error, r.attempts
), logged AS (
    INSERT INTO baton.attempt (delivery_id, number, at, duration_ms, failure_class, error)
    SELECT id, attempts_total, at, duration_ms, failure_class, error FROM written
), counted AS (
    INSERT INTO baton.message_minute AS m (minute, shard, failed)
    SELECT date_trunc('minute', max(at)), pg_backend_pid() % 16, count(*) FROM written
    WHERE failure_class IS NOT NULL HAVING count(*) > 0
    ON CONFLICT (minute, shard) DO UPDATE SET failed = m.failed + excluded.failed
    RETURNING 1
), counted_there AS (
    -- After the one above, so that nobody locks the two in another order.
    INSERT INTO baton.destination_minute AS m (minute, destination, shard, delivered, failed)
    SELECT date_trunc('minute', max(at)), destination, pg_backend_pid() % 16,
        count(*) FILTER (WHERE failure_class IS NULL), count(failure_class)
    FROM written WHERE (SELECT count(*) FROM counted) >= 0
    GROUP BY destination ORDER BY destination
    ON CONFLICT (minute, destination, shard) DO UPDATE
    SET delivered = m.delivered + excluded.delivered, failed = m.failed + excluded.failed
)
-- Followers change only behind one that failed now or had failed before.
SELECT id, failure_class IS NOT NULL OR attempts > 0 AS moves_followers FROM written
