-- Places of other systems that messages are taken in from. `settings` carries the version of its form; `position` is what a
-- reader that marks nothing over there has to remember. Each storing gives another `mark`:
-- whoever reads from a source writes here only while the mark is the one that it read.
CREATE TABLE source (
    name          TEXT PRIMARY KEY NOT NULL,
    settings      TEXT NOT NULL CHECK (json_valid(settings)),
    paused        INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    updated_at    TEXT NOT NULL,
    mark          TEXT NOT NULL,
    position      TEXT CHECK (position IS NULL OR json_valid(position)),
    taken         INTEGER NOT NULL DEFAULT 0 CHECK (taken >= 0),
    unreadable    INTEGER NOT NULL DEFAULT 0 CHECK (unreadable >= 0),
    last_taken_at TEXT,
    seen_at       TEXT,
    waiting       INTEGER,
    error         TEXT,
    error_at      TEXT,
    CHECK ((error IS NULL) = (error_at IS NULL))
) STRICT;
