SELECT at, actor, action, subject, reason, detail::text FROM baton.audit
WHERE $1::text IS NULL OR subject = $1
ORDER BY id DESC LIMIT $2
