-- Only while the source is stored as whoever reads from it saw it.
UPDATE source SET
    position = coalesce(?3, position),
    taken = taken + ?4,
    unreadable = unreadable + ?5,
    last_taken_at = coalesce(?6, last_taken_at),
    waiting = coalesce(?7, waiting),
    kept_bytes = coalesce(?10, kept_bytes),
    error = ?8,
    error_at = CASE WHEN ?8 IS NULL THEN NULL ELSE ?9 END,
    seen_at = CASE WHEN ?8 IS NULL THEN ?9 ELSE seen_at END
WHERE name = ?1 AND mark = ?2
