SELECT name, kind, type, aggregate_type, destination FROM baton.route ORDER BY name
