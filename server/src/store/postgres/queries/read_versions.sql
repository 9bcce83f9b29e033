SELECT 'process' AS kind, name, version, document::text, source, note, published_by, published_at
FROM baton.process_definition
UNION ALL
SELECT 'saga', name, version, document::text, source, note, published_by, published_at FROM baton.saga_definition
ORDER BY kind, name, version
