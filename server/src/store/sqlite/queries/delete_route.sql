DELETE FROM route WHERE name = ?1
