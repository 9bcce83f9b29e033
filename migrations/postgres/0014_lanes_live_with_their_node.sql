-- A lane is held for as long as its node is alive: one row is renewed every two seconds instead of sixty-four.
ALTER TABLE baton.lane_lease DROP COLUMN expires_at;
