-- The replication slot $1: whose it is, who reads from it, how far the reader is, and what the server keeps because of it.
SELECT coalesce(database, '')::text AS database, database = current_database() AND plugin = 'pgoutput' AS is_ours,
    active_pid,
    greatest(coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0), 0)::bigint AS lag_bytes,
    greatest(coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0), 0)::bigint AS retained_bytes,
    coalesce(wal_status = 'lost', false) AS lost
FROM pg_replication_slots
WHERE slot_name = $1
