INSERT INTO baton.audit (at, actor, action, subject, reason, detail)
SELECT at, actor, action, subject, reason, detail::json
FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    AS a (at, actor, action, subject, reason, detail)
