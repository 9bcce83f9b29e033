SELECT id, instance_id, definition, node, title, state, assignee, candidate_group, claimed_by, outcomes, outcome,
    data, completed_by, due_at, created_at, ended_at
FROM task WHERE id = ?1
