-- Of two that take it at the same time, one gets it. An expired one is left for the cleaner.
DELETE FROM baton.credential
WHERE kind = $1 AND secret_hash = $2 AND (expires_at IS NULL OR expires_at > $3)
RETURNING kind, secret_hash, account, created_at, expires_at
