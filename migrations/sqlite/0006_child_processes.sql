-- The engine in full: instances that other instances called.

ALTER TABLE process_instance ADD COLUMN parent TEXT;

CREATE INDEX process_instance_parent ON process_instance (parent, id) WHERE parent IS NOT NULL;
