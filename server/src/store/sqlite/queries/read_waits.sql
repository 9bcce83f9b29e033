SELECT w.event_type, w.value, w.instance_id FROM json_each(?1) AS c
CROSS JOIN wait w ON w.event_type = c.value ->> 0 AND w.value = c.value ->> 1
ORDER BY w.instance_id
