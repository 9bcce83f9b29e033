SELECT EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_open WHERE destination = ?1 AND ended_at IS NULL)
