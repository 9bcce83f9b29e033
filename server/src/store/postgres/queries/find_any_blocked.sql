SELECT EXISTS (SELECT FROM baton.delivery WHERE state IN ('retrying', 'parked', 'dead'))
