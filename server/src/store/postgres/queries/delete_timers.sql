DELETE FROM baton.timer WHERE id = ANY ($1::uuid[])
