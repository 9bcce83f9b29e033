-- Open deliveries only, along their partial index.
SELECT destination, state, count(*), min(created_at) FROM baton.delivery
WHERE state IN ('queued', 'retrying', 'parked', 'dead')
GROUP BY destination, state ORDER BY destination
