DELETE FROM baton.inbox WHERE consumer = $1 AND message_id = ANY ($2::uuid[])
