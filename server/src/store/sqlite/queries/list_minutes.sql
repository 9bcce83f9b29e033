SELECT minute, published, failed FROM message_minute WHERE minute >= ?1 ORDER BY minute
