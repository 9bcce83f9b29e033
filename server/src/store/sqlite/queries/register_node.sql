INSERT INTO node (id, name, expires_at) VALUES (?1, ?2, ?3)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, expires_at = excluded.expires_at
