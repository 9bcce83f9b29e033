-- Deliveries $1 to the engine whose events are kept again, at $2. Those that are queued no longer are somebody else's.
UPDATE baton.delivery SET state = 'delivered', ended_at = $2, attempts = attempts + 1, attempts_total = attempts_total + 1
WHERE id = ANY ($1::bigint[]) AND state = 'queued'
RETURNING id
