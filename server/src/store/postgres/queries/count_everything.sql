-- The numbers of the overview in one statement, so from one snapshot. $1: now, $2: the most that is counted exactly.
--
-- Nothing here walks the published rows: what waits is counted in its own tables and only up to $2, beyond which
-- the planner's own estimate has to do; the same for all messages, once the span of `seq` is larger than $2.
WITH pending AS (
    SELECT (SELECT count(*) FROM (SELECT FROM baton.outbox_pending LIMIT $2) x)
        + (SELECT count(*) FROM (SELECT FROM baton.outbox_delayed LIMIT $2) x)
        AS counted
), estimates AS (
    SELECT (SELECT coalesce(sum(reltuples), 0)::bigint FROM pg_class
            WHERE oid IN ('baton.outbox_pending'::regclass, 'baton.outbox_delayed'::regclass)) AS pending,
        (SELECT reltuples::bigint FROM pg_class WHERE oid = 'baton.outbox'::regclass) AS messages,
        (SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM baton.outbox) AS span
)
SELECT
    CASE WHEN p.counted < $2 THEN p.counted ELSE greatest(p.counted, e.pending) END AS pending,
    least(
        (SELECT created_at FROM baton.outbox WHERE seq = (SELECT min(seq) FROM baton.outbox_pending)),
        (SELECT min(deliver_after) FROM baton.outbox_delayed WHERE deliver_after <= $1)
    ) AS oldest_pending_at,
    CASE WHEN e.span <= $2 THEN (SELECT count(*) FROM baton.outbox) ELSE least(greatest(e.messages, p.counted), e.span) END
        AS messages_total,
    (SELECT count(*) FROM (SELECT DISTINCT destination, aggregate_type, aggregate_id FROM baton.delivery
        WHERE state IN ('retrying', 'dead')) x) AS parked_keys,
    (SELECT count(*) FROM baton.task WHERE ended_at IS NULL) AS tasks_open,
    (SELECT count(*) FROM baton.task WHERE ended_at IS NULL AND due_at < $1) AS tasks_overdue,
    (SELECT json_object_agg(state, n) FROM (SELECT state, count(*) AS n FROM baton.delivery
        WHERE state IN ('queued', 'retrying', 'parked', 'dead') GROUP BY state) x)::text AS deliveries,
    (SELECT json_object_agg(status, n) FROM (SELECT status, count(*) AS n FROM baton.process_instance
        GROUP BY status) x)::text AS instances,
    (SELECT count(*) FROM baton.process_instance i
        WHERE i.status IN ('running', 'waiting', 'compensating') AND i.ended_at IS NULL AND i.incident IS NULL AND NOT i.awaits_message
            AND NOT EXISTS (SELECT FROM baton.timer t WHERE t.instance_id = i.id)
            AND NOT EXISTS (SELECT FROM baton.task t WHERE t.instance_id = i.id AND t.ended_at IS NULL)
            AND NOT EXISTS (SELECT FROM baton.wait w WHERE w.instance_id = i.id)) AS orphans
FROM pending p, estimates e
