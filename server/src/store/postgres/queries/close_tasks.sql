-- Only open ones end; the caller counts them.
UPDATE baton.task t
SET state = c.state, outcome = c.outcome, data = c.data::json, completed_by = c.completed_by, ended_at = $6
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) AS c (id, state, outcome, data, completed_by)
WHERE t.id = c.id AND t.ended_at IS NULL
