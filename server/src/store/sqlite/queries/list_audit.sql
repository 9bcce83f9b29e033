SELECT at, actor, action, subject, reason, detail FROM audit
WHERE ?1 IS NULL OR subject = ?1
ORDER BY id DESC LIMIT ?2
