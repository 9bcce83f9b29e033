SELECT kind, secret_hash, account, created_at, expires_at FROM baton.credential
WHERE kind = $1 AND secret_hash = $2 AND (expires_at IS NULL OR expires_at > $3)
