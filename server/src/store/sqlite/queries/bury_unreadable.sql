-- A message (?1) that somebody inserted and that cannot be read (?2 says why) becomes a dead delivery on the bus, so that
-- it is seen and does not stop the others. Type and key (?3 to ?5) are given as well as they can be shown: in the outbox
-- they may be no UTF-8, which PostgreSQL rules out and SQLite does not.
INSERT INTO delivery (seq, message_id, message_type, aggregate_type, aggregate_id, destination, state, failure_class,
    last_error, failed_at)
SELECT seq, lower(id), ?3, ?4, ?5, 'bus', 'dead', 'unreadable', ?2, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
FROM outbox WHERE seq = ?1
ON CONFLICT (seq, destination) DO NOTHING
