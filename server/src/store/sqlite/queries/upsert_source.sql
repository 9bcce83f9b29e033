-- How far it was read stays, unless ?6 says that this means nothing any more.
INSERT INTO source (name, settings, paused, updated_at, mark) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (name) DO UPDATE
SET settings = excluded.settings, paused = excluded.paused, updated_at = excluded.updated_at, mark = excluded.mark,
    position = CASE WHEN ?6 THEN NULL ELSE source.position END,
    seen_at = NULL, waiting = NULL, kept_bytes = NULL, error = NULL, error_at = NULL
