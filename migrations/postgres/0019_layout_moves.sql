-- How often the nodes of a version were moved on the canvas: what it does never changes, where its nodes stand may.
ALTER TABLE baton.process_definition ADD COLUMN moves integer NOT NULL DEFAULT 0;
ALTER TABLE baton.saga_definition ADD COLUMN moves integer NOT NULL DEFAULT 0;
