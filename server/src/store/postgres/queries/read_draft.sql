SELECT kind, name, source, updated_by, updated_at, mark FROM baton.definition_draft WHERE kind = $1 AND name = $2
