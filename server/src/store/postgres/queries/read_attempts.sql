SELECT delivery_id, number, at, duration_ms, failure_class, error FROM baton.attempt
WHERE delivery_id = ANY ($1::bigint[]) ORDER BY delivery_id, number
