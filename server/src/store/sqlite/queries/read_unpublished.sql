-- What may go now (?1), at most ?2, in the order of insertion, without the rows ?3 (under way already). Two walks along partial indexes that hold unpublished rows
-- only: those that may go at once, and those whose instant has come. A message behind one of its key that is not due is
-- held back; the first operand of the OR makes that free while nothing is delayed.
-- INDEXED BY, because without statistics the planner likes to walk the table, which is in the order of `seq` too.
SELECT seq, id, kind, type, source, aggregate_type, aggregate_id, aggregate_version, payload, headers, correlation_id,
    causation_id, deliver_after, destination, created_at
FROM outbox
WHERE seq IN (
    SELECT seq FROM (
        SELECT o.seq FROM outbox o INDEXED BY outbox_unpublished
        WHERE o.published_at IS NULL AND o.deliver_after IS NULL
            AND o.seq NOT IN (SELECT value FROM json_each(?3))
            AND (
                NOT EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_delayed
                    WHERE published_at IS NULL AND deliver_after IS NOT NULL AND deliver_after > ?1)
                OR NOT EXISTS (SELECT 1 FROM outbox e INDEXED BY outbox_delayed_key
                    WHERE e.published_at IS NULL AND e.deliver_after IS NOT NULL AND e.deliver_after > ?1
                        AND e.aggregate_type = o.aggregate_type AND e.aggregate_id = o.aggregate_id AND e.seq < o.seq)
            )
        ORDER BY o.seq
        LIMIT ?2
    )
    UNION ALL
    SELECT seq FROM (
        SELECT o.seq FROM outbox o INDEXED BY outbox_delayed
        WHERE o.published_at IS NULL AND o.deliver_after IS NOT NULL AND o.deliver_after <= ?1
            AND o.seq NOT IN (SELECT value FROM json_each(?3))
            AND NOT EXISTS (SELECT 1 FROM outbox e INDEXED BY outbox_delayed_key
                WHERE e.published_at IS NULL AND e.deliver_after IS NOT NULL AND e.deliver_after > ?1
                    AND e.aggregate_type = o.aggregate_type AND e.aggregate_id = o.aggregate_id AND e.seq < o.seq)
        ORDER BY o.seq
        LIMIT ?2
    )
)
ORDER BY seq
LIMIT ?2
