UPDATE lane_lease SET node = NULL, expires_at = NULL WHERE node = ?1
