-- Locked themselves too, because a person claims a task without its instance.
SELECT id, instance_id, definition, node, title, state, assignee, candidate_group, claimed_by, outcomes::text, outcome,
    data::text, completed_by, due_at, created_at, ended_at
FROM baton.task WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
