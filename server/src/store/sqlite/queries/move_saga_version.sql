UPDATE saga_definition SET document = ?3, source = ?4, moves = moves + 1 WHERE name = ?1 AND version = ?2
