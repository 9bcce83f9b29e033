-- Attached rather than made in place, which would need the whole table for itself. What came in the meantime, while nobody
-- made partitions, moves over.
CREATE TABLE baton.{name} (LIKE baton.audit INCLUDING ALL);
WITH moved AS (DELETE FROM baton.audit_default WHERE at >= '{begins}' AND at < '{ends}' RETURNING *)
    INSERT INTO baton.{name} SELECT * FROM moved;
ALTER TABLE baton.audit ATTACH PARTITION baton.{name} FOR VALUES FROM ('{begins}') TO ('{ends}')
