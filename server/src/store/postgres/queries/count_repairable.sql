SELECT count(*) FROM baton.delivery
WHERE state IN ('retrying', 'dead')
    AND ($1::uuid IS NULL OR seq = (SELECT o.seq FROM baton.outbox o WHERE o.id = $1))
    AND ($2::text IS NULL OR destination = $2)
    AND ($3::text IS NULL OR failure_class = $3)
    AND ($4::text IS NULL OR message_type = $4)
