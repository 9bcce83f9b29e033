SELECT EXISTS (SELECT FROM baton.delivery
    WHERE destination = $1 AND state IN ('queued', 'retrying', 'parked', 'dead'))
