INSERT INTO baton.wait (instance_id, token, event_type, value)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[])
ON CONFLICT DO NOTHING
