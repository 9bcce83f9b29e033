-- Whether the log can be read: the server, the role, and the publication $1 with the outbox in it. On Amazon RDS a role is
-- a member of rds_replication instead of having the attribute.
SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS version_text,
    current_setting('wal_level') AS wal_level, r.rolname::text AS role,
    r.rolsuper OR r.rolreplication OR EXISTS (SELECT FROM pg_roles g
        WHERE g.rolname = 'rds_replication' AND pg_has_role(r.oid, g.oid, 'member')) AS may_replicate,
    p.oid IS NOT NULL AS has_publication,
    coalesce(p.pubinsert, false) AND EXISTS (SELECT FROM pg_publication_tables t
        WHERE t.pubname = $1 AND t.schemaname = 'baton' AND t.tablename = 'outbox') AS publishes_outbox
FROM pg_roles r
LEFT JOIN pg_publication p ON p.pubname = $1
WHERE r.rolname = current_user
