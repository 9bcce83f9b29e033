-- ?3: only when it says just this (what was published is what it said); NULL: in any case.
DELETE FROM definition_draft WHERE kind = ?1 AND name = ?2 AND (?3 IS NULL OR source = ?3)
