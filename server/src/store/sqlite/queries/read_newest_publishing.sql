-- Versions are only ever added, and their positions moved, so this tells whether anything is there that was not before.
SELECT count(*), coalesce(sum(moves), 0), max(published_at) FROM (
    SELECT published_at, moves FROM process_definition UNION ALL SELECT published_at, moves FROM saga_definition
)
