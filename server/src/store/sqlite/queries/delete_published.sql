-- For those who keep no published rows.
DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?1)) AND published_at IS NULL
RETURNING seq
