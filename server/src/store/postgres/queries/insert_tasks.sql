INSERT INTO baton.task (id, instance_id, definition, node, title, state, assignee, candidate_group, claimed_by, outcomes,
    outcome, data, completed_by, due_at, created_at, ended_at)
SELECT id, instance_id, definition, node, title, state, assignee, candidate_group, claimed_by, outcomes::json, outcome,
    data::json, completed_by, due_at, created_at, ended_at
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[])
    AS t (id, instance_id, definition, node, title, state, assignee, candidate_group, claimed_by, outcomes, outcome,
        data, completed_by, due_at, created_at, ended_at)
