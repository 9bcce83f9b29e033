-- Failed deliveries get a fresh start; ?1 replaces the payload when given (the original stays in the outbox).
-- Terminal ones, and those repaired already, do not match: a second click touches nothing.
UPDATE delivery
SET state = 'queued', attempts = 0, next_attempt_at = NULL, edited_payload = coalesce(?1, edited_payload)
WHERE ended_at IS NULL AND state IN ('retrying', 'dead')
    AND (?2 IS NULL OR seq = (SELECT o.seq FROM outbox o WHERE o.id = ?2))
    AND (?3 IS NULL OR destination = ?3)
    AND (?4 IS NULL OR failure_class = ?4)
    AND (?5 IS NULL OR message_type = ?5)
RETURNING id
