-- Whether read_unpublished could find anything at $1. Asked many times a second by an idle relay, so it has next to nothing
-- to plan and to do.
SELECT EXISTS (SELECT FROM baton.outbox_pending) OR EXISTS (SELECT FROM baton.outbox_delayed WHERE deliver_after <= $1)
