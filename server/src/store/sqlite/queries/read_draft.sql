SELECT kind, name, source, updated_by, updated_at, mark FROM definition_draft WHERE kind = ?1 AND name = ?2
