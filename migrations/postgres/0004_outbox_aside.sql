-- What the relay still has to do, beside the outbox rather than in it.
--
-- Marking a row in place cost most of the relay's work: a new version of the whole row, an entry in each of its indexes
-- (the partial index on unpublished rows ruled out any shortcut), and a vacuum of a wide table. Now a row of the outbox is
-- written once and never changed; its `seq` stands in exactly one of three narrow tables: it may go now
-- (`outbox_pending`), it waits for its instant (`outbox_delayed`), or it went out (`outbox_published`).
--
-- The public contract stays what it is: programs insert into `baton.outbox` and need no other right. Triggers keep the
-- three tables true, one call for a statement, not for a row.

DROP INDEX baton.outbox_unpublished, baton.outbox_delayed, baton.outbox_delayed_key, baton.outbox_published;

CREATE TABLE baton.outbox_pending (
    seq  bigint PRIMARY KEY,
    lane smallint NOT NULL
) WITH (
    -- A queue turns over all the time: vacuum by number of rows.
    autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_analyze_threshold = 20000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0
);

CREATE TABLE baton.outbox_delayed (
    seq            bigint PRIMARY KEY,
    lane           smallint NOT NULL,
    deliver_after  timestamptz NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id   text NOT NULL
);
CREATE INDEX outbox_delayed_due ON baton.outbox_delayed (deliver_after);

CREATE TABLE baton.outbox_published (
    seq          bigint PRIMARY KEY,
    published_at timestamptz NOT NULL
);

INSERT INTO baton.outbox_published SELECT seq, published_at FROM baton.outbox WHERE published_at IS NOT NULL ORDER BY seq;
INSERT INTO baton.outbox_pending
    SELECT seq, lane FROM baton.outbox WHERE published_at IS NULL AND deliver_after IS NULL;
INSERT INTO baton.outbox_delayed
    SELECT seq, lane, deliver_after, aggregate_type, aggregate_id FROM baton.outbox
    WHERE published_at IS NULL AND deliver_after IS NOT NULL;

ALTER TABLE baton.outbox DROP COLUMN published_at;
ALTER TABLE baton.outbox SET (fillfactor = 100);

-- Keeps messages of a key back behind an earlier one that is not due.
CREATE INDEX outbox_delayed_key ON baton.outbox_delayed (aggregate_type, aggregate_id, seq);
-- For the cleaner. A batch is marked with one instant, so this grows at its right end and hardly at all.
CREATE INDEX outbox_published_at ON baton.outbox_published (published_at);

-- SECURITY DEFINER: who may insert into the outbox needs no right on the tables beside it. Every name and
-- operator is written in full, so the caller's search_path has no say.
CREATE FUNCTION baton.note_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    WITH delayed AS (
        INSERT INTO baton.outbox_delayed (seq, lane, deliver_after, aggregate_type, aggregate_id)
        SELECT seq, lane, deliver_after, aggregate_type, aggregate_id FROM fresh WHERE deliver_after IS NOT NULL
    )
    INSERT INTO baton.outbox_pending (seq, lane) SELECT seq, lane FROM fresh WHERE deliver_after IS NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION baton.note_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    -- By an array, so that each is a few look-ups by the key, whatever was known of the sizes when this was planned.
    DELETE FROM baton.outbox_pending WHERE seq OPERATOR(pg_catalog.=) ANY (ARRAY (SELECT seq FROM gone));
    DELETE FROM baton.outbox_delayed WHERE seq OPERATOR(pg_catalog.=) ANY (ARRAY (SELECT seq FROM gone));
    DELETE FROM baton.outbox_published WHERE seq OPERATOR(pg_catalog.=) ANY (ARRAY (SELECT seq FROM gone));
    RETURN NULL;
END $$;

CREATE FUNCTION baton.note_truncated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    TRUNCATE baton.outbox_pending, baton.outbox_delayed, baton.outbox_published;
    RETURN NULL;
END $$;

CREATE TRIGGER outbox_inserted AFTER INSERT ON baton.outbox
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION baton.note_inserted();
CREATE TRIGGER outbox_deleted AFTER DELETE ON baton.outbox
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION baton.note_deleted();
CREATE TRIGGER outbox_truncated AFTER TRUNCATE ON baton.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION baton.note_truncated();
