-- The columns of a table, with the name of each type as casts need it, and that of the type behind a domain.
SELECT a.attname, format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, NULL), base.typname, NOT a.attnotnull, c.oid
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type base ON base.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
ORDER BY a.attnum
