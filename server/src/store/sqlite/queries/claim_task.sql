-- Once claimed by one person it is theirs; claiming it again oneself changes nothing but succeeds.
UPDATE task SET state = 'claimed', claimed_by = ?2
WHERE id = ?1 AND (state = 'open' OR (state = 'claimed' AND claimed_by = ?2))
