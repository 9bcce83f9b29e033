-- How often the nodes of a version were moved on the canvas: what it does never changes, where its nodes stand may.
ALTER TABLE process_definition ADD COLUMN moves INTEGER NOT NULL DEFAULT 0;
ALTER TABLE saga_definition ADD COLUMN moves INTEGER NOT NULL DEFAULT 0;
