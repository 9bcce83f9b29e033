-- ?1: an instant; its minute is counted.
INSERT INTO message_minute (minute, published, failed)
VALUES (strftime('%Y-%m-%dT%H:%M:00.000Z', ?1), ?2, ?3)
ON CONFLICT (minute) DO UPDATE SET published = published + excluded.published, failed = failed + excluded.failed
