SELECT kind, name, source, updated_by, updated_at FROM definition_draft ORDER BY kind, name
