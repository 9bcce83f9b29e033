-- Places of other systems that messages are taken in from. `settings` carries the version of its form; `position` is what a
-- reader that marks nothing over there has to remember. Each storing gives another `mark`:
-- whoever reads from a source writes here only while the mark is the one that it read.
CREATE TABLE baton.source (
    name          text PRIMARY KEY,
    settings      jsonb NOT NULL,
    paused        boolean NOT NULL DEFAULT false,
    updated_at    timestamptz NOT NULL,
    mark          text NOT NULL,
    position      jsonb,
    taken         bigint NOT NULL DEFAULT 0 CHECK (taken >= 0),
    unreadable    bigint NOT NULL DEFAULT 0 CHECK (unreadable >= 0),
    last_taken_at timestamptz,
    seen_at       timestamptz,
    waiting       bigint,
    error         text,
    error_at      timestamptz,
    CHECK ((error IS NULL) = (error_at IS NULL))
);
