SELECT min(deliver_after) FROM baton.outbox_delayed WHERE deliver_after > $1
