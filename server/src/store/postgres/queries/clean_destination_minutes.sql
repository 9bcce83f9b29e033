DELETE FROM baton.destination_minute WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM baton.destination_minute WHERE minute < $1 ORDER BY minute LIMIT $2 FOR UPDATE SKIP LOCKED
))
