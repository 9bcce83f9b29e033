-- What is old is found by an index and goes in small batches. (On PostgreSQL the audit has partitions beside.)

CREATE INDEX process_instance_ended ON process_instance (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX attempt_at ON attempt (at);
CREATE INDEX audit_at ON audit (at);

-- When a type was seen last, by a day or so.
ALTER TABLE message_type ADD COLUMN last_seen TEXT NOT NULL DEFAULT '';
UPDATE message_type SET last_seen = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
