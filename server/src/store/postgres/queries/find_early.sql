-- The oldest event that is kept for each of the values ($1, $2) and not expired at $4, without those in $3.
SELECT v.event_type, v.value, b.message::text
FROM unnest($1::text[], $2::text[]) AS v (event_type, value)
CROSS JOIN LATERAL (
    SELECT k.message FROM baton.message_buffer k
    WHERE k.event_type = v.event_type AND k.value = v.value AND k.expires_at > $4 AND NOT k.message_id = ANY ($3::uuid[])
    ORDER BY k.id
    LIMIT 1
) b
