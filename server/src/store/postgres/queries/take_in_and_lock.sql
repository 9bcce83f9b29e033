-- insert_inbox and lock_instances in one round trip. There is always a row, with the messages that were not in yet.
WITH taken AS (
    INSERT INTO baton.inbox (consumer, message_id)
    SELECT $1, m.id FROM unnest($2::uuid[]) AS m (id) ORDER BY m.id
    ON CONFLICT (consumer, message_id) DO NOTHING
    RETURNING message_id
), locked AS MATERIALIZED (
    SELECT id, definition, version, status, business_key, sequence, snapshot::text, incident, started_by, created_at,
        updated_at, ended_at, kind, parent
    FROM baton.process_instance
    WHERE id = ANY ($3::uuid[])
    ORDER BY id
    FOR UPDATE
)
SELECT l.*, CASE WHEN row_number() OVER () = 1 THEN (SELECT array_agg(message_id) FROM taken) END AS fresh
FROM (VALUES (1)) AS one (row) LEFT JOIN locked l ON true
