-- $1: when.
UPDATE baton.delivery
SET state = 'discarded', next_attempt_at = NULL, ended_at = $1
WHERE state IN ('retrying', 'dead')
    AND ($2::uuid IS NULL OR seq = (SELECT o.seq FROM baton.outbox o WHERE o.id = $2))
    AND ($3::text IS NULL OR destination = $3)
    AND ($4::text IS NULL OR failure_class = $4)
    AND ($5::text IS NULL OR message_type = $5)
RETURNING id
