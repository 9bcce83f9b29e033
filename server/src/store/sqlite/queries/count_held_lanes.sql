-- The fence: how many of the lanes ?3 node ?1 still holds under a token that is not newer than ?2.
SELECT count(*) FROM lane_lease WHERE node = ?1 AND token <= ?2 AND lane IN (SELECT value FROM json_each(?3))
