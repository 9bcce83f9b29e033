-- A table with one of our names in a file that is not ours: ours has a table of its migrations.
SELECT name FROM sqlite_master
WHERE type = 'table'
    AND name IN ('outbox', 'delivery', 'attempt', 'inbox', 'node', 'timer', 'task', 'wait', 'destination', 'route', 'audit')
    AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration')
LIMIT 1
