INSERT INTO definition_draft (kind, name, source, updated_by, updated_at, mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (kind, name) DO NOTHING
