-- The types of messages that were seen, so that checks and editors know them without reading the outbox.
CREATE TABLE message_type (
    kind           TEXT NOT NULL CHECK (kind IN ('event', 'command')),
    type           TEXT NOT NULL,
    aggregate_type TEXT NOT NULL,
    first_seen     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (kind, type, aggregate_type)
) STRICT, WITHOUT ROWID;

INSERT INTO message_type (kind, type, aggregate_type)
SELECT DISTINCT kind, type, aggregate_type FROM outbox WHERE kind IN ('event', 'command') LIMIT 10000;
