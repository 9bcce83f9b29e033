-- Extends what node $1 holds, takes what it should hold beside that, and gives back what is above its share. Runs under
-- the lock of lock_leases. A token is given once, ever: the one of a change of hands is above all that were given before.
WITH live AS (
    SELECT greatest(count(*), 1) AS nodes FROM baton.node WHERE expires_at > now() OR id = $1
), share AS (
    SELECT (64 + nodes - 1) / nodes AS lanes FROM live
), mine AS (
    SELECT lane, row_number() OVER (ORDER BY lane) AS position FROM baton.lane_lease WHERE node = $1
), kept AS (
    SELECT lane FROM mine, share WHERE position <= share.lanes
), taken AS (
    SELECT lane FROM baton.lane_lease
    WHERE node IS DISTINCT FROM $1 AND (node IS NULL OR expires_at <= now())
    ORDER BY lane
    LIMIT greatest((SELECT lanes FROM share) - (SELECT count(*) FROM kept), 0)
)
UPDATE baton.lane_lease l
SET node = CASE WHEN l.lane IN (SELECT lane FROM kept UNION ALL SELECT lane FROM taken) THEN $1::uuid END,
    expires_at = CASE WHEN l.lane IN (SELECT lane FROM kept UNION ALL SELECT lane FROM taken)
        THEN now() + $2 * interval '1 millisecond' END,
    token = CASE WHEN l.lane IN (SELECT lane FROM kept) THEN l.token
        ELSE (SELECT max(token) + 1 FROM baton.lane_lease) END
WHERE l.lane IN (SELECT lane FROM mine UNION ALL SELECT lane FROM taken)
RETURNING l.lane, l.token, l.node IS NOT NULL AS held
