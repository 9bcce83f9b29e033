-- Read after the instances ($3) are locked: from then on nobody else changes what they wait for.
SELECT w.event_type, w.value, w.instance_id FROM baton.wait w
JOIN unnest($1::text[], $2::text[]) AS c (event_type, value) ON w.event_type = c.event_type AND w.value = c.value
WHERE w.instance_id = ANY ($3::uuid[])
ORDER BY w.instance_id
