-- {name}: a partition that is never old as a whole, since it takes what has no month of its own.
DELETE FROM baton.{name} WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM baton.{name} WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED
))
