INSERT INTO audit (at, actor, action, subject, reason, detail)
SELECT a.value ->> 'at', a.value ->> 'actor', a.value ->> 'action', a.value ->> 'subject', a.value ->> 'reason',
    a.value ->> 'detail'
FROM json_each(?1) AS a ORDER BY a.key
