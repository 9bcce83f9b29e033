SELECT name, settings::text, paused, updated_at, mark, position::text, taken, unreadable, last_taken_at, seen_at, waiting, error,
    error_at, kept_bytes
FROM baton.source ORDER BY name
