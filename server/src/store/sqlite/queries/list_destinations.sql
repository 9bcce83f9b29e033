SELECT name, settings, paused, updated_at FROM destination ORDER BY name
