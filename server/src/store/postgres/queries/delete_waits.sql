DELETE FROM baton.wait w USING unnest($1::uuid[], $2::int[]) AS g (instance_id, token)
WHERE w.instance_id = g.instance_id AND w.token = g.token
