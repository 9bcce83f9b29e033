DELETE FROM baton.route WHERE name = $1
