-- In one order, so that two nodes never wait for each other. Who was seen today already is not written again.
INSERT INTO baton.message_type AS m (kind, type, aggregate_type)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS t (kind, type, aggregate_type)
ORDER BY kind, type, aggregate_type
ON CONFLICT (kind, type, aggregate_type) DO UPDATE SET last_seen = now()
WHERE m.last_seen < now() - interval '12 hours'
