SELECT min(seq), max(seq) FROM baton.outbox
