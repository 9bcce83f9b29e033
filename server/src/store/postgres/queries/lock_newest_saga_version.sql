-- Locked, so that of two that publish at the same time the second sees what the first did.
SELECT version, document::text FROM baton.saga_definition WHERE name = $1 ORDER BY version DESC LIMIT 1 FOR UPDATE
