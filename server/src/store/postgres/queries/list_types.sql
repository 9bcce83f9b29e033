SELECT kind, type, aggregate_type FROM baton.message_type ORDER BY kind, type, aggregate_type LIMIT 10000
