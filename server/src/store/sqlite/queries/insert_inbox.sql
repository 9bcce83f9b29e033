-- Messages ?2 are taken in in the name of ?1; returned are those that were not in yet.
INSERT INTO inbox (consumer, message_id) SELECT ?1, value FROM json_each(?2) WHERE true
ON CONFLICT (consumer, message_id) DO NOTHING
RETURNING message_id
