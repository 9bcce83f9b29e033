-- One by its id, or the newest.
SELECT id, operation::text, filter::text, actor, reason, created_at, state, total, done, refused, refusals::text, position, ended_at
FROM baton.batch_operation
WHERE $1 IS NULL OR id = $1
ORDER BY created_at DESC, id DESC
LIMIT $2
