SELECT count(*) FROM delivery
WHERE ended_at IS NULL AND state IN ('retrying', 'dead')
    AND (?1 IS NULL OR seq = (SELECT o.seq FROM outbox o WHERE o.id = ?1))
    AND (?2 IS NULL OR destination = ?2)
    AND (?3 IS NULL OR failure_class = ?3)
    AND (?4 IS NULL OR message_type = ?4)
