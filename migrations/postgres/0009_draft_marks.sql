-- A mark that changes with every saving of a draft: who saves names the one that they saw, so that nobody overwrites what
-- somebody else wrote meanwhile.
ALTER TABLE baton.definition_draft ADD COLUMN mark text NOT NULL DEFAULT gen_random_uuid()::text;
ALTER TABLE baton.definition_draft ALTER COLUMN mark DROP DEFAULT;
