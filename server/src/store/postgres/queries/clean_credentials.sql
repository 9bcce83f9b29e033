DELETE FROM baton.credential WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM baton.credential WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
))
