-- Whether the table $1 can be read through the log, by the publication $2. On Amazon RDS a role is a member of
-- rds_replication instead of having the attribute.
SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS version_text,
    current_setting('wal_level') AS wal_level, pg_is_in_recovery() AS is_standby, r.rolname::text AS role,
    r.rolsuper OR r.rolreplication OR EXISTS (SELECT FROM pg_roles g
        WHERE g.rolname = 'rds_replication' AND pg_has_role(r.oid, g.oid, 'member')) AS may_replicate,
    c.relpersistence = 'p' AS is_logged,
    p.oid IS NOT NULL AS has_publication,
    coalesce(p.pubinsert AND p.pubviaroot, false) AND EXISTS (SELECT FROM pg_publication_tables t
        WHERE t.pubname = $2 AND t.schemaname = n.nspname AND t.tablename = c.relname) AS publishes_it,
    pg_has_role(c.relowner, 'USAGE') AND has_database_privilege(current_database(), 'CREATE')
        AND (p.oid IS NULL OR pg_has_role(p.pubowner, 'USAGE')) AS may_publish
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_roles r ON r.rolname = current_user
LEFT JOIN pg_publication p ON p.pubname = $2
WHERE c.oid = $1
