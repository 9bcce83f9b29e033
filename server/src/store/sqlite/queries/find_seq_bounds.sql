-- Two look-ups: with both in one aggregate SQLite would walk the whole table.
SELECT (SELECT min(seq) FROM outbox), (SELECT max(seq) FROM outbox)
