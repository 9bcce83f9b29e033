-- Failed deliveries by how they failed. What is parked is counted once: behind the first failed one of its key.
WITH failed AS (
    SELECT id, destination, aggregate_type, aggregate_id, message_id, message_type, state,
        coalesce(failure_class, 'unknown') AS failure_class, coalesce(last_error, '') AS last_error,
        coalesce(failed_at, created_at) AS failed_at,
        row_number() OVER (PARTITION BY destination, aggregate_type, aggregate_id ORDER BY seq) AS position
    FROM delivery WHERE ended_at IS NULL AND state IN ('retrying', 'dead')
), parked AS (
    SELECT destination, aggregate_type, aggregate_id, count(*) AS behind FROM delivery WHERE ended_at IS NULL AND state = 'parked'
    GROUP BY destination, aggregate_type, aggregate_id
), counted AS (
    SELECT f.*, CASE WHEN f.position = 1 THEN p.behind ELSE 0 END AS behind,
        row_number() OVER (PARTITION BY f.destination, f.failure_class, f.message_type, f.state
            ORDER BY f.failed_at DESC, f.id DESC) AS recency
    FROM failed f LEFT JOIN parked p USING (destination, aggregate_type, aggregate_id)
)
SELECT destination, failure_class, message_type, state, count(*), min(failed_at), max(failed_at),
    max(last_error) FILTER (WHERE recency = 1), max(message_id) FILTER (WHERE recency = 1),
    CAST(coalesce(sum(behind), 0) AS INTEGER)
FROM counted
GROUP BY destination, failure_class, message_type, state
ORDER BY count(*) DESC, destination, failure_class, message_type, state
