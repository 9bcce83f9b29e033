INSERT INTO baton.message_type (kind, type, aggregate_type)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT DO NOTHING
