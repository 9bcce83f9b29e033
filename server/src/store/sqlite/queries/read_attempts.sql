SELECT delivery_id, number, at, duration_ms, failure_class, error FROM attempt
WHERE delivery_id IN (SELECT value FROM json_each(?1)) ORDER BY delivery_id, number
