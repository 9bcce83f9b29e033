UPDATE batch_operation SET state = ?3, ended_at = ?4 WHERE id = ?1 AND state = ?2
