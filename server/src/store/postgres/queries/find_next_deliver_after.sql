SELECT min(deliver_after) FROM baton.outbox WHERE published_at IS NULL AND deliver_after IS NOT NULL AND deliver_after > $1
