INSERT INTO baton.timer (id, instance_id, due_at)
SELECT id, instance_id, due_at FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS t (id, instance_id, due_at)
ON CONFLICT (id) DO NOTHING
