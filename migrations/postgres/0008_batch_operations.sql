-- Operations on many instances at once: what is to be done to which, and how far that is.

CREATE TABLE baton.batch_operation (
    id         uuid PRIMARY KEY,
    operation  json NOT NULL,
    filter     json NOT NULL,
    actor      text NOT NULL,
    reason     text NOT NULL,
    created_at timestamptz NOT NULL,
    state      text NOT NULL CHECK (state IN ('running', 'paused', 'ended', 'cancelled')),
    -- How many instances passed the filter when it began.
    total      bigint NOT NULL CHECK (total >= 0),
    done       bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
    refused    bigint NOT NULL DEFAULT 0 CHECK (refused >= 0),
    -- The first of those that were refused, and why: [{"instance": …, "message": …}, …].
    refusals   json NOT NULL DEFAULT '[]',
    -- Where the list of instances goes on.
    position   text,
    ended_at   timestamptz,
    CHECK ((state IN ('ended', 'cancelled')) = (ended_at IS NOT NULL))
);
CREATE INDEX batch_operation_running ON baton.batch_operation (created_at) WHERE state = 'running';
