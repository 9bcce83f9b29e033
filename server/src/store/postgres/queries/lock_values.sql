-- Whoever keeps an event for a value and whoever begins to wait for that value take their turn: each sees, in its next
-- statement, what the other one committed, so an event and its wait cannot miss each other. Locked in one order; values that
-- share a lock only wait for each other. SQLite has one writer.
SELECT pg_advisory_xact_lock(1113683023, k.hash) FROM (
    SELECT DISTINCT hashtext(v.event_type || chr(31) || v.value) AS hash
    FROM unnest($1::text[], $2::text[]) AS v (event_type, value)
    ORDER BY hash
) k
