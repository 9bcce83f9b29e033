-- The database's clock is the only one that counts here: nodes' clocks may differ.
INSERT INTO baton.node AS n (id, name, expires_at, reads_log)
VALUES ($1, $2, now() + $3 * interval '1 millisecond', $4)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, expires_at = excluded.expires_at, reads_log = excluded.reads_log
