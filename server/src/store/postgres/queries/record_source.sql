-- Only while the source is stored as whoever reads from it saw it.
UPDATE baton.source SET
    position = coalesce($3::jsonb, position),
    taken = taken + $4,
    unreadable = unreadable + $5,
    last_taken_at = coalesce($6::timestamptz, last_taken_at),
    waiting = coalesce($7::bigint, waiting),
    kept_bytes = coalesce($10::bigint, kept_bytes),
    error = $8::text,
    error_at = CASE WHEN $8::text IS NULL THEN NULL ELSE $9::timestamptz END,
    seen_at = CASE WHEN $8::text IS NULL THEN $9::timestamptz ELSE seen_at END
WHERE name = $1 AND mark = $2
