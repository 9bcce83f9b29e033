SELECT min(due_at) FROM baton.timer
