-- Whether read_unpublished could find anything at ?1.
SELECT EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_unpublished WHERE published_at IS NULL AND deliver_after IS NULL)
    OR EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_delayed
        WHERE published_at IS NULL AND deliver_after IS NOT NULL AND deliver_after <= ?1)
