-- Only open ones go to somebody else, and whoever claimed one has it no longer; the caller counts them.
UPDATE baton.task t
SET assignee = c.assignee, candidate_group = c.candidate_group, state = 'open', claimed_by = NULL
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS c (id, assignee, candidate_group)
WHERE t.id = c.id AND t.ended_at IS NULL
