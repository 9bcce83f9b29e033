DELETE FROM baton.destination WHERE name = $1
