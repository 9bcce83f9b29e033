-- Messages ?1, which were put into the outbox again to be seen there, count as gone out at ?2.
UPDATE outbox SET published_at = ?2 WHERE id IN (SELECT value FROM json_each(?1)) AND published_at IS NULL
