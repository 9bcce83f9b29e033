-- Whether a node wants to read the log instead of the outbox. The log has one reader, so it matters for who gets which
-- lanes (see queries/renew_leases.sql). Nodes of an older version do not say, and do not.
ALTER TABLE baton.node ADD COLUMN reads_log boolean NOT NULL DEFAULT false;
