-- Written once for each part: whoever did the same part at the same time finds another position. What was done counts
-- also when somebody paused it meanwhile; what somebody cancelled stays cancelled.
UPDATE batch_operation
SET done = ?3, refused = ?4, refusals = ?5, position = ?6,
    state = CASE WHEN ?7 IS NULL OR state = 'cancelled' THEN state ELSE 'ended' END,
    ended_at = coalesce(ended_at, ?7)
WHERE id = ?1 AND position IS ?2
