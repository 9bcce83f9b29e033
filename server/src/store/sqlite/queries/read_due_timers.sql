SELECT id FROM timer WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2
