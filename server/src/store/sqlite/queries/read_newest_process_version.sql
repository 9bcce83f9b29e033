SELECT version, document FROM process_definition WHERE name = ?1 ORDER BY version DESC LIMIT 1
