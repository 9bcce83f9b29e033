-- The second half of rerouting: deliveries ?1 ([[id, destination], …]) end where they stood, at ?2.
UPDATE delivery SET state = 'discarded', next_attempt_at = NULL, ended_at = ?2
WHERE id IN (SELECT value ->> 0 FROM json_each(?1)) AND ended_at IS NULL AND state IN ('queued', 'retrying')
RETURNING id
