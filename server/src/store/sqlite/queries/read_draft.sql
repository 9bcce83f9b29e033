SELECT kind, name, source, updated_by, updated_at FROM definition_draft WHERE kind = ?1 AND name = ?2
