SELECT id, operation::text, filter::text, actor, reason, created_at, state, total, done, refused, refusals::text, position, ended_at
FROM baton.batch_operation
WHERE state = 'running'
ORDER BY created_at, id
LIMIT 1
