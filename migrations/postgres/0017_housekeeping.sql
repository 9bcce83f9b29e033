-- What is old is found by an index and goes in small batches; the audit, which nothing refers to and which only ever goes by its
-- age, has a partition for each month, and goes with it.

-- Only the step that ends an instance writes here, and that one moves its entry in process_instance_by_status anyway.
CREATE INDEX process_instance_ended ON baton.process_instance (ended_at, id) WHERE ended_at IS NOT NULL;
-- Grows at its right end.
CREATE INDEX attempt_at ON baton.attempt (at);

-- When a type was seen last, by a day or so.
ALTER TABLE baton.message_type ADD COLUMN last_seen timestamptz NOT NULL DEFAULT now();

-- What was written so far becomes a partition as it is: nothing is copied.
ALTER TABLE baton.audit RENAME TO audit_before;
ALTER INDEX baton.audit_subject RENAME TO audit_before_subject;
ALTER TABLE baton.audit_before ALTER COLUMN id DROP IDENTITY, DROP CONSTRAINT audit_pkey;

CREATE SEQUENCE baton.audit_id_seq;
SELECT setval('baton.audit_id_seq', coalesce(max(id), 1), max(id) IS NOT NULL) FROM baton.audit_before;

CREATE TABLE baton.audit (
    id      bigint NOT NULL DEFAULT nextval('baton.audit_id_seq'),
    at      timestamptz NOT NULL,
    actor   text NOT NULL,
    action  text NOT NULL,
    subject text NOT NULL,
    reason  text,
    detail  json NOT NULL,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
ALTER SEQUENCE baton.audit_id_seq OWNED BY baton.audit.id;
CREATE INDEX audit_subject ON baton.audit (subject, id);

-- So that no entry is ever refused: whatever has no month of its own.
CREATE TABLE baton.audit_default PARTITION OF baton.audit DEFAULT;
CREATE INDEX audit_default_at ON baton.audit_default (at);

-- Until the end of the month of its newest entry; an empty one is not worth keeping. From there on the months have partitions of
-- their own: the first three are made here, the others by the cleaner.
DO $$
DECLARE
    newest timestamptz := (SELECT max(at) FROM baton.audit_before);
    month  timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
BEGIN
    IF newest IS NULL THEN
        DROP TABLE baton.audit_before;
    ELSE
        month := date_trunc('month', greatest(newest, now()) AT TIME ZONE 'UTC') + interval '1 month';
        CREATE INDEX audit_before_at ON baton.audit_before (at);
        EXECUTE format('ALTER TABLE baton.audit ATTACH PARTITION baton.audit_before FOR VALUES FROM (MINVALUE) TO (%L)',
            month AT TIME ZONE 'UTC');
    END IF;
    FOR ahead IN 0..2 LOOP
        EXECUTE format('CREATE TABLE baton.%I PARTITION OF baton.audit FOR VALUES FROM (%L) TO (%L)',
            'audit_' || to_char(month, 'YYYY_MM'), month AT TIME ZONE 'UTC',
            (month + interval '1 month') AT TIME ZONE 'UTC');
        month := month + interval '1 month';
    END LOOP;
END $$;
