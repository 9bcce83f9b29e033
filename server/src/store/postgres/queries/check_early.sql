-- Of the values ($1, $2): whether an instance waits for it that is not among $3, and whether $4 events are kept for it.
SELECT v.event_type, v.value,
    EXISTS (SELECT FROM baton.wait w
        WHERE w.event_type = v.event_type AND w.value = v.value AND NOT w.instance_id = ANY ($3::uuid[])) AS awaited,
    (SELECT count(*) FROM (SELECT FROM baton.message_buffer b
        WHERE b.event_type = v.event_type AND b.value = v.value LIMIT $4) x) >= $4 AS full
FROM unnest($1::text[], $2::text[]) AS v (event_type, value)
