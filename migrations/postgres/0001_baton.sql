-- Everything that Baton keeps, in the schema `baton` (created by the migrator, which keeps its own table there too).
--
-- `outbox` is a public contract: any program inserts into it, in its own transaction, and must give no more than
-- type, aggregate_type, aggregate_id and payload. What such a program's role needs:
--     GRANT USAGE ON SCHEMA baton TO producer;
--     GRANT INSERT ON baton.outbox TO producer;
-- Every other table is Baton's own business.
--
-- CHECK constraints mirror the enums of the code (a test tries every value); triggers keep terminal states terminal,
-- because a CHECK cannot see the row as it was.

-- ------------------------------------------------------------------------------------------------ outbox and relay

CREATE TABLE baton.outbox (
    -- The order of insertion. Gaps are normal.
    seq               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                uuid NOT NULL DEFAULT gen_random_uuid(),
    kind              text NOT NULL DEFAULT 'event',
    type              text NOT NULL,
    source            text NOT NULL DEFAULT '',
    aggregate_type    text NOT NULL,
    aggregate_id      text NOT NULL,
    aggregate_version bigint,
    payload           jsonb NOT NULL,
    headers           jsonb NOT NULL DEFAULT '{}',
    correlation_id    text,
    causation_id      text,
    deliver_after     timestamptz,
    destination       text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    published_at      timestamptz,
    -- Which of the 64 lanes the key belongs to; `domain::lane` computes the same.
    lane              smallint NOT NULL GENERATED ALWAYS AS (
        ((('x' || substr(md5(aggregate_type || '/' || aggregate_id), 1, 4))::bit(16)::int & 63)::smallint)
    ) STORED,

    CONSTRAINT outbox_id_unique UNIQUE (id),
    CONSTRAINT outbox_kind CHECK (kind IN ('event', 'command')),
    -- Bounded, because they are indexed or shown everywhere.
    CONSTRAINT outbox_type CHECK (type <> '' AND length(type) <= 200),
    CONSTRAINT outbox_source CHECK (length(source) <= 200),
    CONSTRAINT outbox_aggregate_type CHECK (aggregate_type <> '' AND length(aggregate_type) <= 200),
    CONSTRAINT outbox_aggregate_id CHECK (aggregate_id <> '' AND length(aggregate_id) <= 400),
    CONSTRAINT outbox_headers CHECK (jsonb_typeof(headers) = 'object'),
    CONSTRAINT outbox_correlation_id CHECK (length(correlation_id) <= 400),
    CONSTRAINT outbox_causation_id CHECK (length(causation_id) <= 400),
    CONSTRAINT outbox_destination CHECK (destination <> '' AND length(destination) <= 200),
    -- No 'infinity', nothing that a program cannot represent.
    CONSTRAINT outbox_deliver_after CHECK (deliver_after >= '0001-01-02Z' AND deliver_after < '9999-12-31Z'),
    CONSTRAINT outbox_created_at CHECK (created_at >= '0001-01-02Z' AND created_at < '9999-12-31Z')
) WITH (
    -- A row is updated once, when it is marked: room for that version keeps it on its page.
    fillfactor = 60,
    -- A queue turns over all the time: vacuum by number of rows rather than by share of a growing table.
    autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_analyze_threshold = 20000,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_vacuum_insert_scale_factor = 0.1,
    autovacuum_vacuum_cost_delay = 1
);

-- The relay's two ways in: what may go now, and what may go later. Published rows are in neither, however many.
CREATE INDEX outbox_unpublished ON baton.outbox (seq) WHERE published_at IS NULL AND deliver_after IS NULL;
CREATE INDEX outbox_delayed ON baton.outbox (deliver_after) WHERE published_at IS NULL AND deliver_after IS NOT NULL;
-- Holds later messages of a key back while an earlier one is not due.
CREATE INDEX outbox_delayed_key ON baton.outbox (aggregate_type, aggregate_id, seq)
    WHERE published_at IS NULL AND deliver_after IS NOT NULL;
-- For the cleaner. A batch is marked with one instant, so this grows at its right end and hardly at all.
CREATE INDEX outbox_published ON baton.outbox (published_at) WHERE published_at IS NOT NULL;
-- For people: a conversation, and the messages of one aggregate.
CREATE INDEX outbox_correlation ON baton.outbox (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX outbox_aggregate ON baton.outbox (aggregate_type, aggregate_id);

CREATE TABLE baton.delivery (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seq             bigint NOT NULL REFERENCES baton.outbox (seq) ON DELETE CASCADE,
    message_id      uuid NOT NULL,
    message_type    text NOT NULL,
    aggregate_type  text NOT NULL,
    aggregate_id    text NOT NULL,
    lane            smallint NOT NULL,
    destination     text NOT NULL,
    state           text NOT NULL,
    -- Attempts since it was written or repaired; what back-off counts, and what fences a report.
    attempts        integer NOT NULL DEFAULT 0,
    -- Attempts ever.
    attempts_total  integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    failure_class   text,
    last_error      text,
    failed_at       timestamptz,
    edited_payload  jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,

    CONSTRAINT delivery_once UNIQUE (seq, destination),
    CONSTRAINT delivery_state CHECK (state IN ('queued', 'retrying', 'parked', 'dead', 'delivered', 'discarded')),
    CONSTRAINT delivery_next_attempt CHECK ((state = 'retrying') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT delivery_dead CHECK (state <> 'dead' OR failure_class IS NOT NULL),
    CONSTRAINT delivery_ended CHECK ((state IN ('delivered', 'discarded')) = (ended_at IS NOT NULL)),
    CONSTRAINT delivery_attempts CHECK (attempts >= 0 AND attempts_total >= attempts)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.05
);

-- Open deliveries are few even when messages are many, so every question about them goes through partial indexes.
CREATE INDEX delivery_open ON baton.delivery (destination, state, seq)
    WHERE state IN ('queued', 'retrying', 'parked', 'dead');
CREATE INDEX delivery_retrying ON baton.delivery (destination, next_attempt_at) WHERE state = 'retrying';
CREATE INDEX delivery_open_key ON baton.delivery (destination, aggregate_type, aggregate_id, seq)
    WHERE state IN ('queued', 'retrying', 'parked', 'dead');
CREATE INDEX delivery_blocking_key ON baton.delivery (destination, aggregate_type, aggregate_id, seq)
    WHERE state IN ('retrying', 'parked', 'dead');

CREATE TABLE baton.attempt (
    delivery_id   bigint NOT NULL REFERENCES baton.delivery (id) ON DELETE CASCADE,
    number        integer NOT NULL CHECK (number >= 1),
    at            timestamptz NOT NULL,
    duration_ms   bigint NOT NULL,
    -- Both are null when it was accepted.
    failure_class text,
    error         text,
    PRIMARY KEY (delivery_id, number)
);

CREATE TABLE baton.inbox (
    consumer    text NOT NULL,
    message_id  uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
CREATE INDEX inbox_received_at ON baton.inbox (received_at);

CREATE TABLE baton.node (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

-- One row a lane, made here once and for all. `token` never shrinks and is never given twice.
CREATE TABLE baton.lane_lease (
    lane       smallint PRIMARY KEY CHECK (lane BETWEEN 0 AND 63),
    node       uuid,
    token      bigint NOT NULL DEFAULT 0,
    expires_at timestamptz
) WITH (fillfactor = 20);
INSERT INTO baton.lane_lease (lane) SELECT generate_series(0, 63);

-- What the charts count, by minute. `shard` spreads concurrent relays over several rows, so that none waits.
CREATE TABLE baton.message_minute (
    minute    timestamptz NOT NULL,
    shard     smallint NOT NULL,
    published bigint NOT NULL DEFAULT 0,
    failed    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (minute, shard)
) WITH (fillfactor = 20);

-- --------------------------------------------------------------------------------------------------- definitions

CREATE TABLE baton.process_definition (
    name         text NOT NULL,
    version      integer NOT NULL CHECK (version >= 1),
    document     json NOT NULL,
    source       text NOT NULL,
    note         text,
    published_by text NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE TABLE baton.saga_definition (LIKE baton.process_definition INCLUDING ALL);

CREATE TABLE baton.definition_draft (
    kind       text NOT NULL CHECK (kind IN ('process', 'saga')),
    name       text NOT NULL,
    source     text NOT NULL,
    updated_by text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (kind, name)
);

-- --------------------------------------------------------------------------------------------------------- engine

CREATE TABLE baton.process_instance (
    id              uuid PRIMARY KEY,
    definition      text NOT NULL,
    version         integer NOT NULL,
    status          text NOT NULL,
    business_key    text,
    idempotency_key text,
    -- Number of the last event in its history; what a writer expects it to be fences the write.
    sequence        bigint NOT NULL,
    -- `json`, not `jsonb`: it is only ever read back as a whole, and must come back as it was.
    snapshot        json NOT NULL,
    incident        text,
    -- Whether a token of the snapshot waits for a reply or an event, so that a message can wake it.
    awaits_message  boolean NOT NULL,
    started_by      text NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    ended_at        timestamptz,

    CONSTRAINT process_instance_status CHECK (status IN ('running', 'waiting', 'suspended', 'compensating', 'completed',
        'failed', 'compensated', 'cancelled', 'stuck')),
    CONSTRAINT process_instance_ended
        CHECK ((status IN ('completed', 'failed', 'compensated', 'cancelled')) = (ended_at IS NOT NULL)),
    CONSTRAINT process_instance_sequence CHECK (sequence >= 0)
) WITH (
    -- Updated at every step: room on the page makes those updates touch no index.
    fillfactor = 50,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.05
);

CREATE UNIQUE INDEX process_instance_start ON baton.process_instance (definition, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX process_instance_business_key ON baton.process_instance (business_key) WHERE business_key IS NOT NULL;
-- Those that only a timer, a task or a wait can wake: who of them has none is an orphan.
CREATE INDEX process_instance_unawaited ON baton.process_instance (id)
    WHERE ended_at IS NULL AND incident IS NULL AND NOT awaits_message;
CREATE INDEX process_instance_by_status ON baton.process_instance (definition, version, status);

CREATE FUNCTION baton.refuse_change_of_terminal_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% % has ended and cannot change its state any more', TG_TABLE_NAME, OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_terminal';
END $$;

CREATE TRIGGER process_instance_terminal BEFORE UPDATE OF status ON baton.process_instance
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL AND NEW.status <> OLD.status)
    EXECUTE FUNCTION baton.refuse_change_of_terminal_state();

CREATE TABLE baton.process_history (
    instance_id uuid NOT NULL,
    sequence    bigint NOT NULL,
    at          timestamptz NOT NULL,
    event       json NOT NULL,
    PRIMARY KEY (instance_id, sequence)
);

-- Pending timers only: what fired or was cancelled is gone.
CREATE TABLE baton.timer (
    id          uuid PRIMARY KEY,
    instance_id uuid NOT NULL,
    due_at      timestamptz NOT NULL
);
CREATE INDEX timer_due ON baton.timer (due_at);
CREATE INDEX timer_instance ON baton.timer (instance_id);

CREATE TABLE baton.task (
    id              uuid PRIMARY KEY,
    instance_id     uuid NOT NULL REFERENCES baton.process_instance (id) ON DELETE CASCADE,
    definition      text NOT NULL,
    node            text NOT NULL,
    title           text NOT NULL,
    state           text NOT NULL,
    assignee        text,
    candidate_group text,
    claimed_by      text,
    outcomes        json NOT NULL,
    outcome         text,
    data            json,
    completed_by    text,
    due_at          timestamptz,
    created_at      timestamptz NOT NULL,
    ended_at        timestamptz,

    CONSTRAINT task_state CHECK (state IN ('open', 'claimed', 'completed', 'withdrawn')),
    CONSTRAINT task_ended CHECK ((state IN ('completed', 'withdrawn')) = (ended_at IS NOT NULL)),
    CONSTRAINT task_completed CHECK (state <> 'completed' OR outcome IS NOT NULL)
);
CREATE INDEX task_instance ON baton.task (instance_id);
CREATE INDEX task_open ON baton.task (assignee, id) WHERE ended_at IS NULL;

CREATE TRIGGER task_terminal BEFORE UPDATE OF state ON baton.task
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL AND NEW.state <> OLD.state)
    EXECUTE FUNCTION baton.refuse_change_of_terminal_state();

-- Which instances an event belongs to by a value that it carries (`match:`).
CREATE TABLE baton.wait (
    instance_id uuid NOT NULL REFERENCES baton.process_instance (id) ON DELETE CASCADE,
    token       integer NOT NULL,
    event_type  text NOT NULL CHECK (length(event_type) <= 200),
    value       text NOT NULL CHECK (length(value) <= 400),
    PRIMARY KEY (instance_id, token, event_type, value)
);
CREATE INDEX wait_by_value ON baton.wait (event_type, value);

-- ----------------------------------------------------------------------------- destinations, routes, access, audit

CREATE TABLE baton.destination (
    name       text PRIMARY KEY,
    settings   jsonb NOT NULL,
    paused     boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL
);

CREATE TABLE baton.route (
    name           text PRIMARY KEY,
    kind           text CHECK (kind IN ('event', 'command')),
    type           text,
    aggregate_type text,
    destination    text NOT NULL
);

-- Only hashes of secrets are ever stored.
CREATE TABLE baton.credential (
    kind        text NOT NULL CHECK (kind IN ('session', 'api_token', 'sign_in_link')),
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    account     text NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    PRIMARY KEY (kind, secret_hash)
);

CREATE TABLE baton.audit (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    actor   text NOT NULL,
    action  text NOT NULL,
    subject text NOT NULL,
    reason  text,
    detail  json NOT NULL
);
CREATE INDEX audit_subject ON baton.audit (subject, id);
