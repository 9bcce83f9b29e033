INSERT INTO baton.process_definition (name, version, document, source, note, published_by, published_at)
VALUES ($1, $2, $3::json, $4, $5, $6, $7)
