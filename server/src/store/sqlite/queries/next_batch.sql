SELECT id, operation, filter, actor, reason, created_at, state, total, done, refused, refusals, position, ended_at
FROM batch_operation
WHERE state = 'running'
ORDER BY created_at, id
LIMIT 1
