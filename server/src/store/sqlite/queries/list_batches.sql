-- One by its id, or the newest.
SELECT id, operation, filter, actor, reason, created_at, state, total, done, refused, refusals, position, ended_at
FROM batch_operation
WHERE ?1 IS NULL OR id = ?1
ORDER BY created_at DESC, id DESC
LIMIT ?2
