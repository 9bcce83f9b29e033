-- `published_at IS NULL` makes repeating it change nothing.
UPDATE outbox SET published_at = ?2
WHERE seq IN (SELECT value FROM json_each(?1)) AND published_at IS NULL
RETURNING seq
