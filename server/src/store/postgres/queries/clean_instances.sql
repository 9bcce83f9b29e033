-- Instances that ended before $1, oldest first, with their history, timers, tasks and waits: as many as have $2 events
-- between them, but one at least.
--
-- Who was called stays while the caller lives, and who called stays while somebody is there whom it called, so that children
-- go before parents. The ids of an instance's commands are its own id with another end (20 bits, five digits); as long as one
-- of them is in the outbox, or was taken in by the engine not long ago, or a message of the conversation is in the outbox, the
-- instance stays: a saga's instance may come again with the same id.
WITH ended AS MATERIALIZED (
    SELECT i.id, i.sequence, i.ended_at FROM baton.process_instance i
    WHERE i.ended_at < $1 AND i.updated_at < $1
        AND NOT EXISTS (SELECT FROM baton.process_instance p WHERE p.id = i.parent AND p.ended_at IS NULL)
        AND NOT EXISTS (SELECT FROM baton.process_instance c WHERE c.parent = i.id)
        AND NOT EXISTS (SELECT FROM baton.outbox o
            WHERE o.id > i.id AND o.id <= (left(i.id::text, 31) || 'fffff')::uuid)
        AND NOT EXISTS (SELECT FROM baton.outbox o WHERE o.correlation_id = i.id::text)
        AND NOT EXISTS (SELECT FROM baton.inbox n
            WHERE n.consumer = 'engine' AND n.message_id > i.id
                AND n.message_id <= (left(i.id::text, 31) || 'fffff')::uuid)
    ORDER BY i.ended_at, i.id
    LIMIT $2
    FOR UPDATE OF i SKIP LOCKED
), due AS MATERIALIZED (
    SELECT id FROM (
        SELECT id, sum(sequence) OVER (ORDER BY ended_at, id) - sequence AS events_before FROM ended
    ) x WHERE events_before < $2
), history AS (
    DELETE FROM baton.process_history WHERE instance_id = ANY (ARRAY (SELECT id FROM due))
), timers AS (
    DELETE FROM baton.timer WHERE instance_id = ANY (ARRAY (SELECT id FROM due))
)
DELETE FROM baton.process_instance WHERE id = ANY (ARRAY (SELECT id FROM due))
