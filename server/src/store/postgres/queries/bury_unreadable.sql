-- Messages $1 (with the reasons $2) that somebody inserted and that cannot be read: each becomes a dead delivery on the
-- bus, so that it is seen and does not stop the others. Nothing of them is decoded on the way. Fenced by $3 to $5.
WITH held AS MATERIALIZED (
    SELECT lane FROM baton.lane_lease WHERE node = $3 AND token <= $4 AND lane = ANY ($5::smallint[])
), gone AS (
    DELETE FROM baton.outbox_pending
    WHERE seq = ANY ($1::bigint[]) AND lane = ANY (ARRAY (SELECT lane FROM held))
    RETURNING seq
), late AS (
    DELETE FROM baton.outbox_delayed
    WHERE seq = ANY ($1::bigint[]) AND lane = ANY (ARRAY (SELECT lane FROM held))
    RETURNING seq
), marked AS (
    INSERT INTO baton.outbox_published (seq, published_at)
    SELECT seq, now() FROM (SELECT seq FROM gone UNION ALL SELECT seq FROM late) x
    RETURNING seq
)
INSERT INTO baton.delivery (seq, message_id, message_type, aggregate_type, aggregate_id, lane, destination, state,
    failure_class, last_error, failed_at)
SELECT m.seq, m.id, m.type, m.aggregate_type, m.aggregate_id, m.lane, 'bus', 'dead', 'unreadable', r.reason, now()
FROM marked
JOIN baton.outbox m ON m.seq = marked.seq
JOIN unnest($1::bigint[], $2::text[]) AS r (seq, reason) ON r.seq = m.seq
ON CONFLICT (seq, destination) DO NOTHING
