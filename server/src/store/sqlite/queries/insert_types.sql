-- Who was seen today already is not written again.
INSERT INTO message_type (kind, type, aggregate_type, last_seen)
SELECT value ->> 0, value ->> 1, value ->> 2, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM json_each(?1) WHERE true
ON CONFLICT (kind, type, aggregate_type) DO UPDATE SET last_seen = excluded.last_seen
WHERE last_seen < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-12 hours')
