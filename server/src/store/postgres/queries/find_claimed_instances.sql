-- The instances that timers $1, tasks $2 and waits ($3, $4) lead to.
SELECT instance_id FROM baton.timer WHERE id = ANY ($1::uuid[])
UNION
SELECT instance_id FROM baton.task WHERE id = ANY ($2::uuid[])
UNION
SELECT w.instance_id FROM baton.wait w
JOIN unnest($3::text[], $4::text[]) AS c (event_type, value) ON w.event_type = c.event_type AND w.value = c.value
