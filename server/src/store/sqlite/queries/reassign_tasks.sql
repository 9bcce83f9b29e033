-- Only open ones go to somebody else, and whoever claimed one has it no longer; the caller counts them.
UPDATE task AS t
SET assignee = c.value ->> 'assignee', candidate_group = c.value ->> 'candidate_group', state = 'open', claimed_by = NULL
FROM json_each(?1) AS c
WHERE t.id = c.value ->> 'id' AND t.ended_at IS NULL
