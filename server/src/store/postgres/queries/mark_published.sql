-- The happy path of the relay in one statement and one round trip: rows $1 went out at $2. The outbox itself is not
-- touched. The fence is per row: rows of a lane that was lost are left to whoever has it now. Whoever takes a row away
-- writes it down, so repeating it changes nothing.
WITH held AS MATERIALIZED (
    SELECT lane FROM baton.lane_lease WHERE node = $3 AND token <= $4 AND lane = ANY ($5::smallint[])
), gone AS (
    DELETE FROM baton.outbox_pending
    WHERE seq = ANY ($1::bigint[]) AND lane = ANY (ARRAY (SELECT lane FROM held))
    RETURNING seq
), late AS (
    DELETE FROM baton.outbox_delayed
    WHERE seq = ANY ($1::bigint[]) AND lane = ANY (ARRAY (SELECT lane FROM held))
    RETURNING seq
), marked AS (
    INSERT INTO baton.outbox_published (seq, published_at)
    SELECT seq, $2 FROM (SELECT seq FROM gone UNION ALL SELECT seq FROM late) x
    RETURNING seq
), counted AS (
    INSERT INTO baton.message_minute AS m (minute, shard, published)
    SELECT date_trunc('minute', $2::timestamptz), pg_backend_pid() % 16, count(*) FROM marked HAVING count(*) > 0
    ON CONFLICT (minute, shard) DO UPDATE SET published = m.published + excluded.published
)
-- The rows themselves are asked for ($6) only when deliveries are to be written for them. Without, the commit does not wait
-- for the disk: a mark that a crash takes away is made again after the message went out again, with the same id.
SELECT (SELECT count(*) FROM held) AS held, CASE WHEN $6 THEN ARRAY (SELECT seq FROM marked) END AS marked,
    CASE WHEN NOT $6 THEN set_config('synchronous_commit', 'off', true) END AS commit
