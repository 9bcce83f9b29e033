-- What the user may do with the table $1.
SELECT current_user::text, has_table_privilege($1::oid, 'SELECT'), has_table_privilege($1::oid, 'DELETE'),
    has_table_privilege($1::oid, 'UPDATE') OR ($2::text IS NOT NULL AND has_column_privilege($1::oid, $2, 'UPDATE'))
