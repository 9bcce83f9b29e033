SELECT seq, state, attempts_total, last_error, next_attempt_at FROM delivery
WHERE seq IN (SELECT value FROM json_each(?1))
