-- The usual case in one row: node $1 ($2 is its name) holds what it should, and nobody came or went, so that nothing changes
-- but when it expires ($3: in so many milliseconds). No row comes back when there is more to do.
--
-- The lock is shared with others like it, and excludes changes of hands. Nobody can have taken lanes of this node if it has
-- not expired by the time it holds the lock, whatever the snapshot was.
WITH locked AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock_shared(x'6261746f6e'::bigint) AS got, clock_timestamp() AS at
), live AS (
    SELECT id FROM baton.node WHERE expires_at > now() OR id = $1
), mine AS MATERIALIZED (
    SELECT lane, token FROM baton.lane_lease WHERE node = $1
)
UPDATE baton.node n
SET expires_at = now() + $3 * interval '1 millisecond'
FROM locked
WHERE n.id = $1 AND n.name = $2 AND locked.got AND n.expires_at > locked.at
    -- Who reads the log ($4) holds all lanes or none, if nothing has to change.
    AND n.reads_log = $4 AND (NOT $4 OR (SELECT count(*) FROM mine) IN (0, 64))
    -- Not more than its share, and nothing lies about.
    AND (SELECT count(*) FROM mine) <= (SELECT (64 + nodes - 1) / nodes FROM (SELECT greatest(count(*), 1) AS nodes FROM live) x)
    AND NOT EXISTS (SELECT FROM baton.lane_lease l WHERE l.node IS NULL OR l.node NOT IN (SELECT id FROM live))
    AND NOT EXISTS (SELECT FROM baton.node o
        WHERE o.name = $2 AND o.id <> $1 OR o.expires_at < now() - interval '1 hour')
RETURNING (SELECT array_agg(lane ORDER BY lane) FROM mine) AS lanes, (SELECT max(token) FROM mine) AS token
