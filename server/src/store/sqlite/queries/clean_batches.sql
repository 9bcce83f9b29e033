DELETE FROM batch_operation WHERE id IN (SELECT id FROM batch_operation WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2)
