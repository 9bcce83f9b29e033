INSERT INTO credential (kind, secret_hash, account, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (kind, secret_hash) DO UPDATE SET account = excluded.account, expires_at = excluded.expires_at
