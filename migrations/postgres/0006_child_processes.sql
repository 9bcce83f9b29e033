-- The engine in full: instances that other instances called.

ALTER TABLE baton.process_instance ADD COLUMN parent uuid;
COMMENT ON COLUMN baton.process_instance.parent IS 'The instance that called this one.';

CREATE INDEX process_instance_parent ON baton.process_instance (parent, id) WHERE parent IS NOT NULL;
