-- A node that starts again has its old name ($1) and a new id ($2): what its former self held is free at once. Should that
-- one still be alive, the tokens fence it.
WITH gone AS (
    DELETE FROM baton.node WHERE name = $1 AND id <> $2 RETURNING id
)
UPDATE baton.lane_lease SET node = NULL WHERE node IN (SELECT id FROM gone)
