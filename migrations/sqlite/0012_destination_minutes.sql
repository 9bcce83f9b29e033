-- What went through at each destination, by minute.
CREATE TABLE destination_minute (
    minute      TEXT NOT NULL,
    destination TEXT NOT NULL,
    delivered   INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (minute, destination)
) STRICT, WITHOUT ROWID;
