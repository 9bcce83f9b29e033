-- Deliveries ?1 to the engine whose events are kept again, at ?2. Those that are queued no longer are somebody else's.
UPDATE delivery SET state = 'delivered', ended_at = ?2, attempts = attempts + 1, attempts_total = attempts_total + 1
WHERE id IN (SELECT value FROM json_each(?1)) AND state = 'queued'
RETURNING id
