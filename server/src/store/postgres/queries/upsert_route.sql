INSERT INTO baton.route (name, kind, type, aggregate_type, destination) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE
SET kind = excluded.kind, type = excluded.type, aggregate_type = excluded.aggregate_type,
    destination = excluded.destination
