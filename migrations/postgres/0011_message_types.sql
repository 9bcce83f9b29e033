-- The types of messages that were seen, so that checks and editors know them without reading the outbox.
CREATE TABLE baton.message_type (
    kind           text        NOT NULL CHECK (kind IN ('event', 'command')),
    type           text        NOT NULL,
    aggregate_type text        NOT NULL,
    first_seen     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, type, aggregate_type)
);

INSERT INTO baton.message_type (kind, type, aggregate_type)
SELECT DISTINCT kind, type, aggregate_type FROM baton.outbox WHERE kind IN ('event', 'command') LIMIT 10000;
