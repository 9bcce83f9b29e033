INSERT INTO definition_draft (kind, name, source, updated_by, updated_at, mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (kind, name) DO UPDATE
SET source = excluded.source, updated_by = excluded.updated_by, updated_at = excluded.updated_at, mark = excluded.mark
