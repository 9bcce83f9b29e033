WITH gone AS (DELETE FROM baton.node WHERE id = $1)
UPDATE baton.lane_lease SET node = NULL WHERE node = $1
