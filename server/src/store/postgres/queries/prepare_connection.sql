-- A node that stands still in the middle of a transaction must not hold locks for longer than its leases: others take its
-- work over then. A statement that runs wild must end.
SET statement_timeout = '30s';
SET idle_in_transaction_session_timeout = '6s';
SET lock_timeout = '10s';
-- Every statement is made for an index; a plan made while a table was empty must not scan it once it is full.
SET enable_seqscan = off;
-- Nothing here is heavy enough to gain from it, and compiling costs more than the query.
SET jit = off
