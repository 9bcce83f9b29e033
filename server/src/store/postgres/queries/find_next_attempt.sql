SELECT min(next_attempt_at) FROM baton.delivery WHERE destination = $1 AND state = 'retrying'
