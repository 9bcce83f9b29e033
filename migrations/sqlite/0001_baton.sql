-- Everything that Baton keeps. The same tables as on PostgreSQL (see ../postgres), with what SQLite does differently:
--
-- - uuids are text in the usual form with hyphens, accepted in either case, compared without regard to it;
-- - instants are text in UTC with milliseconds and a Z, `2026-01-31T12:00:00.000Z`: readable, and sorted as text they
--   are sorted by time. JavaScript's `toISOString()` writes exactly that;
-- - JSON is text, checked by `json_valid`;
-- - there is one node, so a message has no lane and order is simply `seq`.
--
-- `outbox` is a public contract: any program inserts into it, in its own transaction, and must give no more than
-- type, aggregate_type, aggregate_id and payload. Such a program should set a busy timeout (`PRAGMA busy_timeout = 5000`),
-- because SQLite has one writer at a time. It needs SQLite 3.38 or newer (STRICT tables, JSON functions).

-- ------------------------------------------------------------------------------------------------ outbox and relay

CREATE TABLE outbox (
    -- The order of insertion. Gaps are normal.
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    -- A random uuid, version 4, variant 10.
    id                TEXT NOT NULL COLLATE NOCASE UNIQUE DEFAULT (
        lower(hex(randomblob(4))) || '-' || lower(hex(randomblob(2))) || '-4' || substr(lower(hex(randomblob(2))), 2)
        || '-' || substr('89ab', (random() & 3) + 1, 1) || substr(lower(hex(randomblob(2))), 2)
        || '-' || lower(hex(randomblob(6)))
    ),
    kind              TEXT NOT NULL DEFAULT 'event',
    type              TEXT NOT NULL,
    source            TEXT NOT NULL DEFAULT '',
    aggregate_type    TEXT NOT NULL,
    aggregate_id      TEXT NOT NULL,
    aggregate_version INTEGER,
    payload           TEXT NOT NULL,
    headers           TEXT NOT NULL DEFAULT '{}',
    correlation_id    TEXT,
    causation_id      TEXT,
    deliver_after     TEXT,
    destination       TEXT,
    created_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    published_at      TEXT,

    CONSTRAINT outbox_id CHECK (length(id) = 36 AND id GLOB '????????-????-????-????-????????????'
        AND replace(id, '-', '') NOT GLOB '*[^0-9A-Fa-f]*'),
    CONSTRAINT outbox_kind CHECK (kind IN ('event', 'command')),
    CONSTRAINT outbox_type CHECK (type <> '' AND length(type) <= 200),
    CONSTRAINT outbox_source CHECK (length(source) <= 200),
    CONSTRAINT outbox_aggregate_type CHECK (aggregate_type <> '' AND length(aggregate_type) <= 200),
    CONSTRAINT outbox_aggregate_id CHECK (aggregate_id <> '' AND length(aggregate_id) <= 400),
    CONSTRAINT outbox_payload_is_json CHECK (json_valid(payload)),
    CONSTRAINT outbox_headers_is_json_object CHECK (json_valid(headers) AND json_type(headers) = 'object'),
    CONSTRAINT outbox_correlation_id CHECK (length(correlation_id) <= 400),
    CONSTRAINT outbox_causation_id CHECK (length(causation_id) <= 400),
    CONSTRAINT outbox_destination CHECK (destination <> '' AND length(destination) <= 200),
    -- Anything but the one form would sort wrongly, and a message would go too early or never.
    CONSTRAINT outbox_deliver_after_is_utc_with_milliseconds
        CHECK (deliver_after IS NULL OR deliver_after IS strftime('%Y-%m-%dT%H:%M:%fZ', deliver_after)),
    CONSTRAINT outbox_created_at_is_utc_with_milliseconds
        CHECK (created_at IS strftime('%Y-%m-%dT%H:%M:%fZ', created_at))
) STRICT;

CREATE INDEX outbox_unpublished ON outbox (seq) WHERE published_at IS NULL AND deliver_after IS NULL;
CREATE INDEX outbox_delayed ON outbox (deliver_after) WHERE published_at IS NULL AND deliver_after IS NOT NULL;
CREATE INDEX outbox_delayed_key ON outbox (aggregate_type, aggregate_id, seq)
    WHERE published_at IS NULL AND deliver_after IS NOT NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
CREATE INDEX outbox_correlation ON outbox (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX outbox_aggregate ON outbox (aggregate_type, aggregate_id);

CREATE TABLE delivery (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    seq             INTEGER NOT NULL REFERENCES outbox (seq) ON DELETE CASCADE,
    message_id      TEXT NOT NULL COLLATE NOCASE,
    message_type    TEXT NOT NULL,
    aggregate_type  TEXT NOT NULL,
    aggregate_id    TEXT NOT NULL,
    destination     TEXT NOT NULL,
    state           TEXT NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    attempts_total  INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT,
    failure_class   TEXT,
    last_error      TEXT,
    failed_at       TEXT,
    edited_payload  TEXT,
    created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    ended_at        TEXT,

    CONSTRAINT delivery_once UNIQUE (seq, destination),
    CONSTRAINT delivery_state CHECK (state IN ('queued', 'retrying', 'parked', 'dead', 'delivered', 'discarded')),
    CONSTRAINT delivery_next_attempt CHECK ((state = 'retrying') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT delivery_dead CHECK (state <> 'dead' OR failure_class IS NOT NULL),
    CONSTRAINT delivery_ended CHECK ((state IN ('delivered', 'discarded')) = (ended_at IS NOT NULL)),
    CONSTRAINT delivery_attempts CHECK (attempts >= 0 AND attempts_total >= attempts)
) STRICT;

-- The planner takes a partial index only where a query repeats its condition word for word: `ended_at IS NULL` is short.
CREATE INDEX delivery_open ON delivery (destination, state, seq) WHERE ended_at IS NULL;
CREATE INDEX delivery_retrying ON delivery (destination, next_attempt_at) WHERE state = 'retrying';
CREATE INDEX delivery_open_key ON delivery (destination, aggregate_type, aggregate_id, seq) WHERE ended_at IS NULL;
CREATE INDEX delivery_blocking_key ON delivery (destination, aggregate_type, aggregate_id, seq)
    WHERE state IN ('retrying', 'parked', 'dead');

CREATE TABLE attempt (
    delivery_id   INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    number        INTEGER NOT NULL CHECK (number >= 1),
    at            TEXT NOT NULL,
    duration_ms   INTEGER NOT NULL,
    failure_class TEXT,
    error         TEXT,
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
    consumer    TEXT NOT NULL,
    message_id  TEXT NOT NULL COLLATE NOCASE,
    received_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (consumer, message_id)
) STRICT;
CREATE INDEX inbox_received_at ON inbox (received_at);

CREATE TABLE node (
    id         TEXT PRIMARY KEY NOT NULL,
    name       TEXT NOT NULL,
    started_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    expires_at TEXT NOT NULL
) STRICT;

CREATE TABLE lane_lease (
    lane       INTEGER PRIMARY KEY CHECK (lane BETWEEN 0 AND 63),
    node       TEXT,
    token      INTEGER NOT NULL DEFAULT 0,
    expires_at TEXT
) STRICT;
INSERT INTO lane_lease (lane)
    WITH RECURSIVE lanes (lane) AS (SELECT 0 UNION ALL SELECT lane + 1 FROM lanes WHERE lane < 63) SELECT lane FROM lanes;

CREATE TABLE message_minute (
    minute    TEXT PRIMARY KEY NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    failed    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- --------------------------------------------------------------------------------------------------- definitions

CREATE TABLE process_definition (
    name         TEXT NOT NULL,
    version      INTEGER NOT NULL CHECK (version >= 1),
    document     TEXT NOT NULL CHECK (json_valid(document)),
    source       TEXT NOT NULL,
    note         TEXT,
    published_by TEXT NOT NULL,
    published_at TEXT NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE saga_definition (
    name         TEXT NOT NULL,
    version      INTEGER NOT NULL CHECK (version >= 1),
    document     TEXT NOT NULL CHECK (json_valid(document)),
    source       TEXT NOT NULL,
    note         TEXT,
    published_by TEXT NOT NULL,
    published_at TEXT NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE definition_draft (
    kind       TEXT NOT NULL CHECK (kind IN ('process', 'saga')),
    name       TEXT NOT NULL,
    source     TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT;

-- --------------------------------------------------------------------------------------------------------- engine

CREATE TABLE process_instance (
    id              TEXT PRIMARY KEY NOT NULL,
    definition      TEXT NOT NULL,
    version         INTEGER NOT NULL,
    status          TEXT NOT NULL,
    business_key    TEXT,
    idempotency_key TEXT,
    sequence        INTEGER NOT NULL,
    snapshot        TEXT NOT NULL,
    incident        TEXT,
    awaits_message  INTEGER NOT NULL CHECK (awaits_message IN (0, 1)),
    started_by      TEXT NOT NULL,
    created_at      TEXT NOT NULL,
    updated_at      TEXT NOT NULL,
    ended_at        TEXT,

    CONSTRAINT process_instance_status CHECK (status IN ('running', 'waiting', 'suspended', 'compensating', 'completed',
        'failed', 'compensated', 'cancelled', 'stuck')),
    CONSTRAINT process_instance_ended
        CHECK ((status IN ('completed', 'failed', 'compensated', 'cancelled')) = (ended_at IS NOT NULL)),
    CONSTRAINT process_instance_sequence CHECK (sequence >= 0)
) STRICT;

CREATE UNIQUE INDEX process_instance_start ON process_instance (definition, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX process_instance_business_key ON process_instance (business_key) WHERE business_key IS NOT NULL;
CREATE INDEX process_instance_unawaited ON process_instance (id)
    WHERE ended_at IS NULL AND incident IS NULL AND awaits_message = 0;
CREATE INDEX process_instance_by_status ON process_instance (definition, version, status);

CREATE TRIGGER process_instance_terminal BEFORE UPDATE OF status ON process_instance
    FOR EACH ROW WHEN OLD.ended_at IS NOT NULL AND NEW.status <> OLD.status
BEGIN
    SELECT RAISE(ABORT, 'process_instance has ended and cannot change its state any more');
END;

CREATE TABLE process_history (
    instance_id TEXT NOT NULL,
    sequence    INTEGER NOT NULL,
    at          TEXT NOT NULL,
    event       TEXT NOT NULL,
    PRIMARY KEY (instance_id, sequence)
) STRICT;

CREATE TABLE timer (
    id          TEXT PRIMARY KEY NOT NULL,
    instance_id TEXT NOT NULL,
    due_at      TEXT NOT NULL
) STRICT;
CREATE INDEX timer_due ON timer (due_at);
CREATE INDEX timer_instance ON timer (instance_id);

CREATE TABLE task (
    id              TEXT PRIMARY KEY NOT NULL,
    instance_id     TEXT NOT NULL REFERENCES process_instance (id) ON DELETE CASCADE,
    definition      TEXT NOT NULL,
    node            TEXT NOT NULL,
    title           TEXT NOT NULL,
    state           TEXT NOT NULL,
    assignee        TEXT,
    candidate_group TEXT,
    claimed_by      TEXT,
    outcomes        TEXT NOT NULL,
    outcome         TEXT,
    data            TEXT,
    completed_by    TEXT,
    due_at          TEXT,
    created_at      TEXT NOT NULL,
    ended_at        TEXT,

    CONSTRAINT task_state CHECK (state IN ('open', 'claimed', 'completed', 'withdrawn')),
    CONSTRAINT task_ended CHECK ((state IN ('completed', 'withdrawn')) = (ended_at IS NOT NULL)),
    CONSTRAINT task_completed CHECK (state <> 'completed' OR outcome IS NOT NULL)
) STRICT;
CREATE INDEX task_instance ON task (instance_id);
CREATE INDEX task_open ON task (assignee, id) WHERE ended_at IS NULL;

CREATE TRIGGER task_terminal BEFORE UPDATE OF state ON task
    FOR EACH ROW WHEN OLD.ended_at IS NOT NULL AND NEW.state <> OLD.state
BEGIN
    SELECT RAISE(ABORT, 'task has ended and cannot change its state any more');
END;

CREATE TABLE wait (
    instance_id TEXT NOT NULL REFERENCES process_instance (id) ON DELETE CASCADE,
    token       INTEGER NOT NULL,
    event_type  TEXT NOT NULL CHECK (length(event_type) <= 200),
    value       TEXT NOT NULL CHECK (length(value) <= 400),
    PRIMARY KEY (instance_id, token, event_type, value)
) STRICT;
CREATE INDEX wait_by_value ON wait (event_type, value);

-- ----------------------------------------------------------------------------- destinations, routes, access, audit

CREATE TABLE destination (
    name       TEXT PRIMARY KEY NOT NULL,
    settings   TEXT NOT NULL CHECK (json_valid(settings)),
    paused     INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE route (
    name           TEXT PRIMARY KEY NOT NULL,
    kind           TEXT CHECK (kind IN ('event', 'command')),
    type           TEXT,
    aggregate_type TEXT,
    destination    TEXT NOT NULL
) STRICT;

CREATE TABLE credential (
    kind        TEXT NOT NULL CHECK (kind IN ('session', 'api_token', 'sign_in_link')),
    secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
    account     TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    expires_at  TEXT,
    PRIMARY KEY (kind, secret_hash)
) STRICT;

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TEXT NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason  TEXT,
    detail  TEXT NOT NULL
) STRICT;
CREATE INDEX audit_subject ON audit (subject, id);
