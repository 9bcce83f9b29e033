DELETE FROM credential WHERE (kind, secret_hash) IN (
    SELECT kind, secret_hash FROM credential WHERE expires_at < ?1 LIMIT ?2
)
