-- Events that came before any instance waited for them by value: until one does, or their time is over.

CREATE TABLE message_buffer (
    -- The order of arrival.
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL,
    event_type TEXT NOT NULL CHECK (length(event_type) <= 200),
    value      TEXT NOT NULL CHECK (length(value) <= 400),
    -- The whole message: its row in the outbox may be gone by then.
    message    TEXT NOT NULL CHECK (json_valid(message)),
    arrived_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,

    CONSTRAINT message_buffer_once UNIQUE (message_id, value)
) STRICT;
CREATE INDEX message_buffer_by_value ON message_buffer (event_type, value, id);
CREATE INDEX message_buffer_expiry ON message_buffer (expires_at);
