SELECT kind, name, source, updated_by, updated_at, mark FROM definition_draft ORDER BY kind, name
