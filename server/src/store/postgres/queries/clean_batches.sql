DELETE FROM baton.batch_operation WHERE id = ANY (ARRAY (
    SELECT id FROM baton.batch_operation WHERE ended_at < $1 ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
))
