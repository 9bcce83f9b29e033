SELECT min(due_at) FROM timer
