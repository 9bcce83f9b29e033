-- ?1: when.
UPDATE delivery
SET state = 'discarded', next_attempt_at = NULL, ended_at = ?1
WHERE ended_at IS NULL AND state IN ('retrying', 'dead')
    AND (?2 IS NULL OR seq = (SELECT o.seq FROM outbox o WHERE o.id = ?2))
    AND (?3 IS NULL OR destination = ?3)
    AND (?4 IS NULL OR failure_class = ?4)
    AND (?5 IS NULL OR message_type = ?5)
RETURNING id
