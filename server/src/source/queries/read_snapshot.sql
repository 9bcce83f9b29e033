-- Every transaction below the first number has ended; none with the second or a higher one has. The same text twice means that
-- nothing was committed in between.
SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text, s::text FROM pg_current_snapshot() AS s
