DELETE FROM message_type WHERE (kind, type, aggregate_type) IN (
    SELECT kind, type, aggregate_type FROM message_type WHERE last_seen < ?1 ORDER BY last_seen LIMIT ?2
)
