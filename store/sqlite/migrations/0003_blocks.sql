CREATE TABLE block (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    subject   TEXT NOT NULL UNIQUE,
    reason    TEXT NOT NULL,
    caused_by TEXT NOT NULL,
    at        INTEGER NOT NULL
) STRICT;

-- A block takes back dead letters too.
CREATE INDEX delivery_dead ON delivery (host) WHERE state = 'failed';
