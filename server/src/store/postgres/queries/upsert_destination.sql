INSERT INTO baton.destination (name, settings, paused, updated_at) VALUES ($1, $2::jsonb, $3, $4)
ON CONFLICT (name) DO UPDATE
SET settings = excluded.settings, paused = excluded.paused, updated_at = excluded.updated_at
