-- Operations on many instances at once: what is to be done to which, and how far that is.

CREATE TABLE batch_operation (
    id         TEXT PRIMARY KEY NOT NULL,
    operation  TEXT NOT NULL CHECK (json_valid(operation)),
    filter     TEXT NOT NULL CHECK (json_valid(filter)),
    actor      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    created_at TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('running', 'paused', 'ended', 'cancelled')),
    -- How many instances passed the filter when it began.
    total      INTEGER NOT NULL CHECK (total >= 0),
    done       INTEGER NOT NULL DEFAULT 0 CHECK (done >= 0),
    refused    INTEGER NOT NULL DEFAULT 0 CHECK (refused >= 0),
    -- The first of those that were refused, and why: [{"instance": …, "message": …}, …].
    refusals   TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(refusals)),
    -- Where the list of instances goes on.
    position   TEXT,
    ended_at   TEXT,
    CHECK ((state IN ('ended', 'cancelled')) = (ended_at IS NOT NULL))
) STRICT;
CREATE INDEX batch_operation_running ON batch_operation (created_at) WHERE state = 'running';
