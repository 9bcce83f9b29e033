-- What went through at each destination, by minute. `shard` spreads concurrent writers over several rows, so that none waits.
CREATE TABLE baton.destination_minute (
    minute      timestamptz NOT NULL,
    destination text        NOT NULL,
    shard       smallint    NOT NULL,
    delivered   bigint      NOT NULL DEFAULT 0,
    failed      bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (minute, destination, shard)
) WITH (fillfactor = 20);
