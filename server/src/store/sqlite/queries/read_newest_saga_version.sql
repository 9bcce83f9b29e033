SELECT version, document FROM saga_definition WHERE name = ?1 ORDER BY version DESC LIMIT 1
