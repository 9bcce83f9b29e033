-- A mark that changes with every saving of a draft: who saves names the one that they saw, so that nobody overwrites what
-- somebody else wrote meanwhile.
ALTER TABLE definition_draft ADD COLUMN mark TEXT NOT NULL DEFAULT '';
UPDATE definition_draft SET mark = lower(hex(randomblob(16)));
