-- Versions are only ever added, so this tells whether there is one that was not there before.
SELECT count(*), max(published_at) FROM (
    SELECT published_at FROM process_definition UNION ALL SELECT published_at FROM saga_definition
)
