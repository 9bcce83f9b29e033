-- Whether this transaction is the one that may change partitions ("batonpar" in ASCII). Whoever waits for a lock on the table
-- keeps everybody behind it waiting, so it does not wait for long.
SELECT pg_try_advisory_xact_lock(7089075310400921970) FROM (SELECT set_config('lock_timeout', '200ms', true)) s
