-- An insert rings for a relay that sleeps, and only for one that sleeps.
--
-- A relay that has had nothing to do holds an advisory lock (the number below, "batonbel" in ASCII) and listens on the
-- channel `baton_outbox`. An insert tries the same lock, shared and without waiting. If it gets it, no relay sleeps, and
-- none can fall asleep until this transaction has ended: nothing has to be said. If not, it notifies. So there is no moment
-- at which a row is neither seen by the relay's last look nor announced, and a busy outbox never notifies (NOTIFY lets
-- transactions commit one by one only).
CREATE OR REPLACE FUNCTION baton.note_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    WITH delayed AS (
        INSERT INTO baton.outbox_delayed (seq, lane, deliver_after, aggregate_type, aggregate_id)
        SELECT seq, lane, deliver_after, aggregate_type, aggregate_id FROM fresh WHERE deliver_after IS NOT NULL
    )
    INSERT INTO baton.outbox_pending (seq, lane) SELECT seq, lane FROM fresh WHERE deliver_after IS NULL;
    IF NOT pg_catalog.pg_try_advisory_xact_lock_shared(7089075310400005484) THEN
        PERFORM pg_catalog.pg_notify('baton_outbox', '');
    END IF;
    RETURN NULL;
END $$;
