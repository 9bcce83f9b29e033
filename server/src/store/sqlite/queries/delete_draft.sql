-- ?3: only when it says just this; ?4: only when it is still this one; NULL: in any case.
DELETE FROM definition_draft
WHERE kind = ?1 AND name = ?2 AND ((?3 IS NULL AND ?4 IS NULL) OR source = ?3 OR mark = ?4)
