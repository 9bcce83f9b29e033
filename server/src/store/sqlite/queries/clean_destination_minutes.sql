DELETE FROM destination_minute WHERE minute < min(?1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day'))
