-- With the bounds of each; one without an end takes what fits nowhere else.
SELECT quote_ident(c.relname),
    substring(b.bound FROM 'FROM \(''([^'']+)''\)')::timestamptz AS begins,
    substring(b.bound FROM 'TO \(''([^'']+)''\)')::timestamptz AS ends
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid,
LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound) b
WHERE i.inhparent = 'baton.audit'::regclass
ORDER BY begins NULLS FIRST, ends
