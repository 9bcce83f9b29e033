-- Failed deliveries get a fresh start; $1 replaces the payload when given (the original stays in the outbox).
-- Terminal ones, and those repaired already, do not match: a second click touches nothing.
UPDATE baton.delivery
SET state = 'queued', attempts = 0, next_attempt_at = NULL, edited_payload = coalesce($1::jsonb, edited_payload)
WHERE state IN ('retrying', 'dead')
    AND ($2::uuid IS NULL OR seq = (SELECT o.seq FROM baton.outbox o WHERE o.id = $2))
    AND ($3::text IS NULL OR destination = $3)
    AND ($4::text IS NULL OR failure_class = $4)
    AND ($5::text IS NULL OR message_type = $5)
RETURNING id
