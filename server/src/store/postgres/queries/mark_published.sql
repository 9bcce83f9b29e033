-- The happy path of the relay in one statement and one round trip: rows $1 went out at $2. The fence is per row: rows of
-- a lane that was lost are left to whoever has it now. `published_at IS NULL` makes repeating it change nothing.
WITH held AS MATERIALIZED (
    SELECT lane FROM baton.lane_lease WHERE node = $3 AND token <= $4 AND lane = ANY ($5::smallint[])
), marked AS (
    UPDATE baton.outbox SET published_at = $2
    WHERE seq = ANY ($1::bigint[]) AND published_at IS NULL AND lane = ANY (ARRAY (SELECT lane FROM held))
    RETURNING seq
), counted AS (
    INSERT INTO baton.message_minute AS m (minute, shard, published)
    SELECT date_trunc('minute', $2::timestamptz), pg_backend_pid() % 16, count(*) FROM marked HAVING count(*) > 0
    ON CONFLICT (minute, shard) DO UPDATE SET published = m.published + excluded.published
)
-- The rows themselves are asked for ($6) only when deliveries are to be written for them.
SELECT (SELECT count(*) FROM held) AS held, CASE WHEN $6 THEN ARRAY (SELECT seq FROM marked) END AS marked
