SELECT EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_blocking_key WHERE state IN ('retrying', 'parked', 'dead'))
