-- The attempt of the first pass, for deliveries ?1, at ?2.
INSERT INTO attempt (delivery_id, number, at, duration_ms, failure_class, error)
SELECT id, attempts_total, ?2, 0, failure_class, last_error FROM delivery
WHERE id IN (SELECT value FROM json_each(?1))
