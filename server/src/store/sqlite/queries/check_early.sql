-- Those of the values ?1 for which ?2 events are kept.
SELECT v.value ->> 0, v.value ->> 1 FROM json_each(?1) AS v
WHERE (SELECT count(*) FROM (SELECT 1 FROM message_buffer b
    WHERE b.event_type = v.value ->> 0 AND b.value = v.value ->> 1 LIMIT ?2)) >= ?2
