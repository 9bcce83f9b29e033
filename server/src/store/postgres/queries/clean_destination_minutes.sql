DELETE FROM baton.destination_minute WHERE minute < least($1, now() - interval '1 day')
