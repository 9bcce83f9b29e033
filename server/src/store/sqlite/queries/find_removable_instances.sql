-- Instances that ended before ?1, oldest first: as many as have ?2 events between them, but one at least. Which stay, and why,
-- is told in the one statement that PostgreSQL has for this.
SELECT id FROM (
    SELECT id, ended_at, sum(sequence) OVER (ORDER BY ended_at, id) - sequence AS events_before FROM (
        SELECT i.id, i.sequence, i.ended_at FROM process_instance i
        WHERE i.ended_at < ?1 AND i.updated_at < ?1
            AND NOT EXISTS (SELECT 1 FROM process_instance p WHERE p.id = i.parent AND p.ended_at IS NULL)
            AND NOT EXISTS (SELECT 1 FROM process_instance c WHERE c.parent = i.id)
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id > i.id AND o.id <= substr(i.id, 1, 31) || 'fffff')
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.correlation_id = i.id)
            AND NOT EXISTS (SELECT 1 FROM inbox n
                WHERE n.consumer = 'engine' AND n.message_id > i.id AND n.message_id <= substr(i.id, 1, 31) || 'fffff')
        ORDER BY i.ended_at, i.id
        LIMIT ?2
    )
) WHERE events_before < ?2
