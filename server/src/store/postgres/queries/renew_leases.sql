-- Extends what node $1 holds, takes what it should hold beside that, and gives back what is above its share. Runs under
-- the lock of lock_leases. A lane is held for as long as its node is alive. A token is given once, ever: the one of a change
-- of hands is above all that were given before.
--
-- The log has one reader. Where every live node reads it, one holds all lanes: whoever holds the first one. With any other
-- node among them they share the lanes, and nobody reads the log.
WITH live AS (
    SELECT id, reads_log FROM baton.node WHERE expires_at > now() OR id = $1
), share AS (
    SELECT CASE
        WHEN NOT all_read_log THEN (64 + nodes - 1) / nodes
        WHEN coalesce((SELECT l.node FROM baton.lane_lease l
            WHERE l.lane = 0 AND l.node IN (SELECT id FROM live)), $1) = $1 THEN 64
        ELSE 0
    END AS lanes
    FROM (SELECT greatest(count(*), 1) AS nodes, coalesce(bool_and(reads_log), false) AS all_read_log FROM live) n
), mine AS (
    SELECT lane, row_number() OVER (ORDER BY lane) AS position FROM baton.lane_lease WHERE node = $1
), kept AS (
    SELECT lane FROM mine, share WHERE position <= share.lanes
), taken AS (
    SELECT lane FROM baton.lane_lease
    WHERE node IS DISTINCT FROM $1 AND (node IS NULL OR node NOT IN (SELECT id FROM live))
    ORDER BY lane
    LIMIT greatest((SELECT lanes FROM share) - (SELECT count(*) FROM kept), 0)
)
UPDATE baton.lane_lease l
SET node = CASE WHEN l.lane IN (SELECT lane FROM kept UNION ALL SELECT lane FROM taken) THEN $1::uuid END,
    token = CASE WHEN l.lane IN (SELECT lane FROM kept) THEN l.token
        ELSE (SELECT max(token) + 1 FROM baton.lane_lease) END
WHERE l.lane IN (SELECT lane FROM mine UNION ALL SELECT lane FROM taken)
RETURNING l.lane, l.token, l.node IS NOT NULL AS held
