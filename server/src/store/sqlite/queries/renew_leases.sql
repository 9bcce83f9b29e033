-- SQLite serves one node (a lock file sees to that), so whoever comes has every lane at once, expired or not. A token is
-- given once, ever: the one of a change of hands is above all that were given before.
UPDATE lane_lease
SET token = CASE WHEN node IS ?1 THEN token ELSE (SELECT max(token) + 1 FROM lane_lease) END, node = ?1, expires_at = ?2
RETURNING lane, token
