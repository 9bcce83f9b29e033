SELECT 'process' AS kind, name, version, document, source, note, published_by, published_at
FROM process_definition
UNION ALL
SELECT 'saga', name, version, document, source, note, published_by, published_at FROM saga_definition
ORDER BY kind, name, version
