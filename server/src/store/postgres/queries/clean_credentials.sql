DELETE FROM baton.credential WHERE expires_at < $1
