-- Messages $2 are taken in in the name of $1; returned are those that were not in yet. A second transaction that takes
-- the same one in waits here until the first has ended.
INSERT INTO baton.inbox (consumer, message_id)
SELECT $1, m.id FROM unnest($2::uuid[]) AS m (id) ORDER BY m.id
ON CONFLICT (consumer, message_id) DO NOTHING
RETURNING message_id
