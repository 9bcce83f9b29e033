-- How much of its log the server of a source keeps until it is read, in bytes, where it is read through its log.
ALTER TABLE baton.source ADD COLUMN kept_bytes bigint CHECK (kept_bytes >= 0);
