SELECT min(next_attempt_at) FROM delivery WHERE destination = ?1 AND state = 'retrying'
