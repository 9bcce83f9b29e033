DELETE FROM baton.message_type WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM baton.message_type WHERE last_seen < $1 ORDER BY last_seen LIMIT $2 FOR UPDATE SKIP LOCKED
))
