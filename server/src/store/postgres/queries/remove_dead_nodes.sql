-- Nodes that have been silent for an hour; their lanes went to others long ago.
DELETE FROM baton.node WHERE expires_at < now() - interval '1 hour'
