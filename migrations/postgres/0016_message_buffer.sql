-- Events that came before any instance waited for them by value: until one does, or their time is over.

CREATE TABLE baton.message_buffer (
    -- The order of arrival.
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL,
    event_type text NOT NULL CHECK (length(event_type) <= 200),
    value      text NOT NULL CHECK (length(value) <= 400),
    -- The whole message: its row in the outbox may be gone by then.
    message    json NOT NULL,
    arrived_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,

    CONSTRAINT message_buffer_once UNIQUE (message_id, value)
) WITH (
    -- A queue turns over all the time: vacuum by number of rows.
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_scale_factor = 0
);
CREATE INDEX message_buffer_by_value ON baton.message_buffer (event_type, value, id);
CREATE INDEX message_buffer_expiry ON baton.message_buffer (expires_at);
