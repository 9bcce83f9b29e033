INSERT INTO baton.batch_operation (id, operation, filter, actor, reason, created_at, state, total)
VALUES ($1, $2::json, $3::json, $4, $5, $6, 'running', $7)
