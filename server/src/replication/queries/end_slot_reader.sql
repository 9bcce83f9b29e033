-- Ends whoever reads from the slot $1; whether there was somebody.
SELECT coalesce((SELECT pg_terminate_backend(active_pid) OR true FROM pg_replication_slots
    WHERE slot_name = $1 AND active_pid IS NOT NULL), false)
