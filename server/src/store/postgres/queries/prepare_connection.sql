-- A node that hangs must not hold locks for ever, and a statement that runs wild must end.
SET statement_timeout = '30s';
SET idle_in_transaction_session_timeout = '30s';
SET lock_timeout = '10s';
-- Every statement is made for an index; a plan made while a table was empty must not scan it once it is full.
SET enable_seqscan = off;
-- Nothing here is heavy enough to gain from it, and compiling costs more than the query.
SET jit = off
