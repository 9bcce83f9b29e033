SELECT minute, sum(published)::bigint, sum(failed)::bigint FROM baton.message_minute
WHERE minute >= $1 GROUP BY minute ORDER BY minute
