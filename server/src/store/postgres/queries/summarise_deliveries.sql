SELECT seq, state, attempts_total, last_error, next_attempt_at FROM baton.delivery WHERE seq = ANY ($1::bigint[])
