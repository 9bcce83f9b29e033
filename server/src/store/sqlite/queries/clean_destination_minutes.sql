DELETE FROM destination_minute WHERE (minute, destination) IN (
    SELECT minute, destination FROM destination_minute WHERE minute < ?1 ORDER BY minute, destination LIMIT ?2
)
