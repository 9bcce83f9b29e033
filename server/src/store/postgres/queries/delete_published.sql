-- As mark_published, for those who keep no published rows: rows $1 went out at $2 and are removed. The fence is per row:
-- rows of a lane that was lost are left to whoever has it now. A trigger takes them out of the tables beside the outbox.
WITH held AS MATERIALIZED (
    SELECT lane FROM baton.lane_lease WHERE node = $3 AND token <= $4 AND lane = ANY ($5::smallint[])
), marked AS (
    DELETE FROM baton.outbox o
    WHERE o.seq = ANY ($1::bigint[]) AND o.lane = ANY (ARRAY (SELECT lane FROM held))
        AND NOT EXISTS (SELECT FROM baton.outbox_published p WHERE p.seq = o.seq)
    RETURNING o.seq
), counted AS (
    INSERT INTO baton.message_minute AS m (minute, shard, published)
    SELECT date_trunc('minute', $2::timestamptz), pg_backend_pid() % 16, count(*) FROM marked HAVING count(*) > 0
    ON CONFLICT (minute, shard) DO UPDATE SET published = m.published + excluded.published
)
-- The rows themselves are asked for ($6) only when deliveries are to be written for them. Without, the commit does not wait
-- for the disk: a mark that a crash takes away is made again after the message went out again, with the same id.
SELECT (SELECT count(*) FROM held) AS held, CASE WHEN $6 THEN ARRAY (SELECT seq FROM marked) END AS marked,
    CASE WHEN NOT $6 THEN set_config('synchronous_commit', 'off', true) END AS commit
