SELECT destination, minute, sum(delivered)::bigint, sum(failed)::bigint FROM baton.destination_minute
WHERE minute >= $1 GROUP BY destination, minute ORDER BY destination, minute
