-- Times are milliseconds since 1970 in UTC; year 1 (-62135596800000) stands for
-- "not yet". Yes is 1, no is 0. Numbers named seq or id are given here, ascending,
-- and never used again.

CREATE TABLE actor (
    id          TEXT PRIMARY KEY,
    base_url    TEXT NOT NULL,
    handle      TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    since       INTEGER NOT NULL,
    stopped     INTEGER NOT NULL
) STRICT;

CREATE TABLE post (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT NOT NULL UNIQUE,
    actor     TEXT NOT NULL,
    key       TEXT NOT NULL,
    url       TEXT NOT NULL,
    digest    TEXT NOT NULL,
    rev       INTEGER NOT NULL,
    state     TEXT NOT NULL,
    activity  TEXT NOT NULL,
    body      BLOB NOT NULL,
    pinned    INTEGER NOT NULL,
    published INTEGER NOT NULL,
    updated   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX post_live ON post (actor, key) WHERE state = 'live';
CREATE INDEX post_key ON post (actor, key, seq);
CREATE INDEX post_actor ON post (actor, seq);
CREATE INDEX post_url ON post (url, seq);
CREATE INDEX post_pinned ON post (actor, seq) WHERE pinned = 1;

CREATE TABLE activity (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    id     TEXT NOT NULL UNIQUE,
    actor  TEXT NOT NULL,
    type   TEXT NOT NULL,
    object TEXT NOT NULL,
    body   BLOB NOT NULL,
    public INTEGER NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
CREATE INDEX activity_object ON activity (object);

CREATE TABLE delivery (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    activity INTEGER NOT NULL REFERENCES activity (seq),
    actor    TEXT NOT NULL,
    object   TEXT NOT NULL,
    inbox    TEXT NOT NULL,
    host     TEXT NOT NULL,
    lane     INTEGER NOT NULL,
    weight   INTEGER NOT NULL,
    state    TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    fence    INTEGER NOT NULL, -- how often it was ever claimed: attempts are given back and forgotten
    tried    INTEGER NOT NULL, -- an attempt may have reached the inbox
    forget   INTEGER NOT NULL, -- erased, with its activity, once delivered
    created  INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    lease    INTEGER NOT NULL, -- until when it is claimed; kept until it is settled
    status   INTEGER NOT NULL,
    answer   TEXT NOT NULL,
    answered INTEGER NOT NULL,
    -- The queue: a pending row sleeps (ready = 0) until wake and is then ready,
    -- so that a claim meets no rows that wait for a retry, a lease or a host.
    ready    INTEGER NOT NULL,
    wake     INTEGER NOT NULL,
    UNIQUE (activity, inbox)
) STRICT;
CREATE INDEX delivery_ready ON delivery (actor, lane DESC, weight DESC, id) WHERE ready = 1;
CREATE INDEX delivery_asleep ON delivery (wake) WHERE state = 'pending' AND ready = 0;
CREATE INDEX delivery_host ON delivery (host, ready, lane DESC, weight DESC, id) WHERE state = 'pending';
CREATE INDEX delivery_order ON delivery (object, inbox, id);
CREATE INDEX delivery_failed ON delivery (actor, id) WHERE state = 'failed';

CREATE TABLE peer (
    host       TEXT PRIMARY KEY,
    failures   INTEGER NOT NULL,
    down_since INTEGER NOT NULL,
    down_until INTEGER NOT NULL,
    form       TEXT NOT NULL,
    form_until INTEGER NOT NULL
) STRICT;

CREATE TABLE follower (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    actor        TEXT NOT NULL,
    id           TEXT NOT NULL,
    inbox        TEXT NOT NULL,
    shared_inbox TEXT NOT NULL,
    host         TEXT NOT NULL,
    follow       TEXT NOT NULL,
    state        TEXT NOT NULL,
    since        INTEGER NOT NULL,
    gone         INTEGER NOT NULL,
    UNIQUE (actor, id)
) STRICT;
CREATE INDEX follower_id ON follower (id);
CREATE INDEX follower_follow ON follower (follow);
CREATE INDEX follower_list ON follower (actor, seq);
CREATE INDEX follower_audience ON follower (actor, state, shared_inbox, inbox, host);
CREATE INDEX follower_inbox ON follower (inbox, gone);
CREATE INDEX follower_shared ON follower (shared_inbox, gone);

CREATE TABLE received (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    actor      TEXT NOT NULL,
    sender     TEXT NOT NULL,
    type       TEXT NOT NULL,
    about      TEXT NOT NULL,
    state      TEXT NOT NULL,
    body       BLOB NOT NULL,
    at         INTEGER NOT NULL,
    updated    INTEGER NOT NULL,
    decided_by TEXT NOT NULL,
    reason     TEXT NOT NULL,
    decided    INTEGER NOT NULL,
    UNIQUE (actor, id)
) STRICT;
CREATE INDEX received_id ON received (id);
CREATE INDEX received_sender ON received (sender, seq);
CREATE INDEX received_about ON received (about, seq);
CREATE INDEX received_state ON received (state, seq);

CREATE TABLE reaction (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    id     TEXT NOT NULL,
    actor  TEXT NOT NULL,
    sender TEXT NOT NULL,
    type   TEXT NOT NULL,
    object TEXT NOT NULL,
    at     INTEGER NOT NULL,
    UNIQUE (sender, type, object)
) STRICT;
CREATE INDEX reaction_id ON reaction (id);
CREATE INDEX reaction_object ON reaction (object, type, seq);

CREATE TABLE journal (
    seq       INTEGER PRIMARY KEY, -- 1, 2, 3 … in the order of commits; nothing is ever removed
    at        INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    subject   TEXT NOT NULL,
    caused_by TEXT NOT NULL,
    note      TEXT NOT NULL,
    body      BLOB NOT NULL
) STRICT;
CREATE INDEX journal_actor ON journal (actor, seq);

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
