-- The instances that timers ?1, tasks ?2 and waits ?3 lead to.
SELECT instance_id FROM timer WHERE id IN (SELECT value FROM json_each(?1))
UNION
SELECT instance_id FROM task WHERE id IN (SELECT value FROM json_each(?2))
UNION
SELECT w.instance_id FROM json_each(?3) AS c
CROSS JOIN wait w ON w.event_type = c.value ->> 0 AND w.value = c.value ->> 1
