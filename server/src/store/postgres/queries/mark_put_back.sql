-- Messages $1, which were put into the outbox again to be seen there, count as gone out at $2.
WITH back AS MATERIALIZED (
    SELECT seq FROM baton.outbox WHERE id = ANY ($1::uuid[])
), gone AS (
    DELETE FROM baton.outbox_pending WHERE seq = ANY (ARRAY (SELECT seq FROM back)) RETURNING seq
), late AS (
    DELETE FROM baton.outbox_delayed WHERE seq = ANY (ARRAY (SELECT seq FROM back)) RETURNING seq
)
INSERT INTO baton.outbox_published (seq, published_at)
SELECT seq, $2 FROM (SELECT seq FROM gone UNION ALL SELECT seq FROM late) x
