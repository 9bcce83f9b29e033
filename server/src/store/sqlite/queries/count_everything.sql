-- The numbers of the overview in one statement, so from one snapshot. ?1: now, ?2: the most that is counted exactly.
--
-- Nothing here walks the published rows: what waits is counted along its partial indexes and only up to ?2, beyond which
-- the span of `seq` has to do; the same for all messages. (PostgreSQL takes the planner's estimates instead.)
WITH pending AS (
    SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox INDEXED BY outbox_unpublished
            WHERE published_at IS NULL AND deliver_after IS NULL LIMIT ?2))
        + (SELECT count(*) FROM (SELECT 1 FROM outbox INDEXED BY outbox_delayed
            WHERE published_at IS NULL AND deliver_after IS NOT NULL LIMIT ?2)) AS counted,
        (SELECT min(seq) FROM outbox INDEXED BY outbox_unpublished
            WHERE published_at IS NULL AND deliver_after IS NULL) AS first,
        (SELECT max(seq) FROM outbox) AS last,
        coalesce((SELECT max(seq) FROM outbox) - (SELECT min(seq) FROM outbox) + 1, 0) AS span
)
SELECT
    CASE WHEN p.counted < ?2 THEN p.counted ELSE max(p.counted, p.last - p.first + 1) END AS pending,
    (SELECT min(since) FROM (
        SELECT created_at AS since FROM outbox WHERE seq = p.first
        UNION ALL
        SELECT min(deliver_after) FROM outbox INDEXED BY outbox_delayed
            WHERE published_at IS NULL AND deliver_after IS NOT NULL AND deliver_after <= ?1
    )) AS oldest_pending_at,
    CASE WHEN p.span <= ?2 THEN (SELECT count(*) FROM outbox) ELSE p.span END AS messages_total,
    (SELECT count(*) FROM (SELECT DISTINCT destination, aggregate_type, aggregate_id FROM delivery
        WHERE ended_at IS NULL AND state IN ('retrying', 'dead'))) AS parked_keys,
    (SELECT count(*) FROM task WHERE ended_at IS NULL) AS tasks_open,
    (SELECT count(*) FROM task WHERE ended_at IS NULL AND due_at < ?1) AS tasks_overdue,
    (SELECT json_group_object(state, n) FROM (SELECT state, count(*) AS n FROM delivery
        WHERE ended_at IS NULL GROUP BY state)) AS deliveries,
    (SELECT json_group_object(status, n) FROM (SELECT status, count(*) AS n FROM process_instance
        GROUP BY status)) AS instances,
    (SELECT count(*) FROM process_instance i
        WHERE i.status IN ('running', 'waiting', 'compensating') AND i.ended_at IS NULL AND i.incident IS NULL
            AND i.awaits_message = 0
            AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.instance_id = i.id)
            AND NOT EXISTS (SELECT 1 FROM task t WHERE t.instance_id = i.id AND t.ended_at IS NULL)
            AND NOT EXISTS (SELECT 1 FROM wait w WHERE w.instance_id = i.id)) AS orphans
FROM pending p
