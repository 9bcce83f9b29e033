-- Those still pending, now that their instances are locked.
SELECT id, instance_id, due_at FROM baton.timer WHERE id = ANY ($1::uuid[]) ORDER BY due_at, id
