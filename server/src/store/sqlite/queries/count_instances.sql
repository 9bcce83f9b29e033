SELECT kind, definition, version, status, count(*) FROM process_instance
GROUP BY kind, definition, version, status ORDER BY kind, definition, version, status
