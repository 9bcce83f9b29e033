DELETE FROM message_minute WHERE minute IN (SELECT minute FROM message_minute WHERE minute < ?1 ORDER BY minute LIMIT ?2)
