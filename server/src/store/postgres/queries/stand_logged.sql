-- Where the rows $1 (of the aggregates $2, $3) stand, in their order; and whether all of the transactions $4 are visible
-- here. The log tells of a commit a moment before other transactions see it, so without the second answer the first means
-- nothing. A transaction's number in the log has 32 bits; the rest of it is that of the nearest one to the newest.
--
-- 'p' it waits to go out, 'd' it waits for its instant or behind one of its key that does, 'o' it went out, 'a' it is in
-- no table, 'b' the same, and one of its key waits for its instant.
WITH newest AS (
    SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xid
), delayed AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM baton.outbox_delayed) AS there
)
SELECT
    (SELECT coalesce(bool_and(pg_visible_in_snapshot(
        (n.xid - ((((n.xid - t.xid) % 4294967296) + 6442450944) % 4294967296 - 2147483648))::text::xid8,
        pg_current_snapshot())), true) FROM unnest($4::bigint[]) AS t (xid), newest n) AS visible,
    ARRAY (
        SELECT CASE
            WHEN o.found THEN 'o'
            WHEN w.found THEN 'd'
            WHEN p.found THEN CASE WHEN b.found THEN 'd' ELSE 'p' END
            WHEN b.found THEN 'b'
            ELSE 'a'
        END
        FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY
            AS r (seq, aggregate_type, aggregate_id, position)
        -- LIMIT keeps each of these one look-up for each row, however few rows there were when this was planned.
        LEFT JOIN LATERAL (SELECT true AS found FROM baton.outbox_published x WHERE x.seq = r.seq LIMIT 1) o ON true
        LEFT JOIN LATERAL (SELECT true AS found FROM baton.outbox_pending x WHERE x.seq = r.seq LIMIT 1) p ON true
        LEFT JOIN LATERAL (SELECT true AS found FROM baton.outbox_delayed x
            WHERE (SELECT delayed.there FROM delayed) AND x.seq = r.seq LIMIT 1) w ON true
        LEFT JOIN LATERAL (SELECT true AS found FROM baton.outbox_delayed x
            WHERE (SELECT delayed.there FROM delayed) AND x.aggregate_type = r.aggregate_type
                AND x.aggregate_id = r.aggregate_id AND x.seq < r.seq LIMIT 1) b ON true
        ORDER BY r.position
    ) AS standing
