SELECT destination, minute, delivered, failed FROM destination_minute
WHERE minute >= ?1 ORDER BY destination, minute
