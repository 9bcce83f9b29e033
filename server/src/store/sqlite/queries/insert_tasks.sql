INSERT INTO task (id, instance_id, definition, node, title, state, assignee, candidate_group, claimed_by, outcomes, outcome,
    data, completed_by, due_at, created_at, ended_at)
SELECT value ->> 'id', value ->> 'instance', value ->> 'definition', value ->> 'node', value ->> 'title',
    value ->> 'state', value ->> 'assignee', value ->> 'candidate_group', value ->> 'claimed_by', value ->> 'outcomes',
    value ->> 'outcome', value ->> 'data', value ->> 'completed_by', value ->> 'due_at', value ->> 'created_at',
    value ->> 'ended_at'
FROM json_each(?1)
