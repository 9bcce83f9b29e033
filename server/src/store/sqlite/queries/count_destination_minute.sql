-- ?1: an instant; its minute is counted. ?2: what happened at each destination.
INSERT INTO destination_minute (minute, destination, delivered, failed)
SELECT strftime('%Y-%m-%dT%H:%M:00.000Z', ?1), r.value ->> 0, r.value ->> 1, r.value ->> 2 FROM json_each(?2) AS r
WHERE true
ON CONFLICT (minute, destination) DO UPDATE
SET delivered = delivered + excluded.delivered, failed = failed + excluded.failed
