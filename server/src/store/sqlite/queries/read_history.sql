SELECT sequence, at, event FROM process_history WHERE instance_id = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3
