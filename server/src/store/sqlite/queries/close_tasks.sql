-- Only open ones end; the caller counts them.
UPDATE task AS t
SET state = c.value ->> 'state', outcome = c.value ->> 'outcome', data = c.value ->> 'data',
    completed_by = c.value ->> 'by', ended_at = ?2
FROM json_each(?1) AS c
WHERE t.id = c.value ->> 'id' AND t.ended_at IS NULL
