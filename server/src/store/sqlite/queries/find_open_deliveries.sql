SELECT p.value ->> 0, p.value ->> 1, p.value ->> 2
FROM json_each(?1) AS p
WHERE EXISTS (SELECT 1 FROM delivery d INDEXED BY delivery_open_key
    WHERE d.destination = p.value ->> 0 AND d.aggregate_type = p.value ->> 1 AND d.aggregate_id = p.value ->> 2
        AND d.ended_at IS NULL)
