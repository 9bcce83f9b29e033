-- ?7: the mark of what is replaced.
UPDATE definition_draft SET source = ?3, updated_by = ?4, updated_at = ?5, mark = ?6
WHERE kind = ?1 AND name = ?2 AND mark = ?7
