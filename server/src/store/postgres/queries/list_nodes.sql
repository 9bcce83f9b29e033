-- Nodes with the lanes that they hold, oldest first; those that were silent for an hour are gone.
SELECT n.id, n.name, n.started_at, n.expires_at, n.expires_at > now() AS alive, count(l.lane) AS lanes
FROM baton.node n
LEFT JOIN baton.lane_lease l ON l.node = n.id AND n.expires_at > now()
GROUP BY n.id, n.name, n.started_at, n.expires_at
ORDER BY n.started_at, n.id
