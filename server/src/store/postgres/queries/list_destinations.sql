SELECT name, settings::text, paused, updated_at FROM baton.destination ORDER BY name
