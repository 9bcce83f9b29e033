SELECT p.destination, p.aggregate_type, p.aggregate_id
FROM unnest($1::text[], $2::text[], $3::text[]) AS p (destination, aggregate_type, aggregate_id)
WHERE EXISTS (SELECT FROM baton.delivery d
    WHERE d.destination = p.destination AND d.aggregate_type = p.aggregate_type AND d.aggregate_id = p.aggregate_id
        AND d.state IN ('queued', 'retrying', 'parked', 'dead'))
