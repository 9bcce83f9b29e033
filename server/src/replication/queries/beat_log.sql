-- A commit that changes nothing, for the reader of the log to confirm.
SELECT pg_logical_emit_message(true, 'baton', '')
