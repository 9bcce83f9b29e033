-- $3: only when it says just this (what was published is what it said); NULL: in any case.
DELETE FROM baton.definition_draft WHERE kind = $1 AND name = $2 AND ($3::text IS NULL OR source = $3)
