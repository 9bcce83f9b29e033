SELECT d.id, d.seq, d.message_id, d.destination, d.state, d.attempts, d.next_attempt_at, d.failure_class, d.last_error,
    d.edited_payload::text, d.created_at, d.ended_at,
    CASE WHEN d.state IN ('retrying', 'dead') THEN (SELECT count(*) FROM baton.delivery f
        WHERE f.destination = d.destination AND f.aggregate_type = d.aggregate_type AND f.aggregate_id = d.aggregate_id
            AND f.state = 'parked' AND f.seq > d.seq) ELSE 0 END AS followers
FROM baton.delivery d
WHERE d.seq = $1
ORDER BY d.destination
