-- The oldest event that is kept for each of the values ?1 and not expired at ?3, without those in ?2.
SELECT b.event_type, b.value, b.message
FROM json_each(?1) AS v
CROSS JOIN message_buffer b ON b.id = (
    SELECT k.id FROM message_buffer k
    WHERE k.event_type = v.value ->> 0 AND k.value = v.value ->> 1 AND k.expires_at > ?3
        AND k.message_id NOT IN (SELECT value FROM json_each(?2))
    ORDER BY k.id
    LIMIT 1
)
