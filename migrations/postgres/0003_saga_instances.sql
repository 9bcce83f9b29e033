-- Instances of stateful sagas stand beside those of processes: one engine runs both. The id of a saga's instance follows
-- from what it is about, so ids no longer tell the time of creation.

ALTER TABLE baton.process_instance
    ADD COLUMN kind text NOT NULL DEFAULT 'process',
    ADD CONSTRAINT process_instance_kind CHECK (kind IN ('process', 'saga'));

CREATE INDEX process_instance_created ON baton.process_instance (created_at, id);
