SELECT name, settings, paused, updated_at, mark, position, taken, unreadable, last_taken_at, seen_at, waiting, error, error_at,
    kept_bytes
FROM source ORDER BY name
