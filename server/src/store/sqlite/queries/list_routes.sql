SELECT name, kind, type, aggregate_type, destination FROM route ORDER BY name
