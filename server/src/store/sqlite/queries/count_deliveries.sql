-- Open deliveries only, along their partial index.
SELECT destination, state, count(*), min(created_at) FROM delivery
WHERE ended_at IS NULL
GROUP BY destination, state ORDER BY destination
