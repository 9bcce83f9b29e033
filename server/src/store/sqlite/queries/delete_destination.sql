DELETE FROM destination WHERE name = ?1
