SELECT i.definition, i.idempotency_key, i.id FROM baton.process_instance i
JOIN unnest($1::text[], $2::text[]) AS c (definition, idempotency_key)
    ON i.definition = c.definition AND i.idempotency_key = c.idempotency_key
WHERE i.idempotency_key IS NOT NULL
