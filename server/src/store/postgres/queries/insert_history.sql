INSERT INTO baton.process_history (instance_id, sequence, at, event)
SELECT h.instance_id, h.sequence, $4, h.event::json
FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS h (instance_id, sequence, event)
