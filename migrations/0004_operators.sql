-- What operators see and decide. Additive: a binary that knows only the schema
-- before goes on without it (it begins turns during a pause, and lets in whom
-- it knows).

-- The receipt of a turn: when it was closed, when its request stood, and when
-- each part was first handed to Telegram. (Received: messages.accepted_at;
-- delivered: parts.settled_at.)
ALTER TABLE turns ADD COLUMN sealed_at INTEGER;
ALTER TABLE turns ADD COLUMN asked_at  INTEGER;
ALTER TABLE parts ADD COLUMN begun_at  INTEGER;

-- What was spent since a time.
CREATE INDEX turns_answered ON turns (bot, answered_at) WHERE answered_at IS NOT NULL;

-- The pause that is in force: no turn begins. Its number is never used again.
-- `pause_told`: the pause that people of a conversation were told of.
CREATE TABLE pauses (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    bot    INTEGER NOT NULL UNIQUE,
    since  INTEGER NOT NULL,
    reason TEXT
);
ALTER TABLE conversations ADD COLUMN pause_told INTEGER NOT NULL DEFAULT 0;

-- People and chats that are not answered, whatever else would let them in.
CREATE TABLE banned (
    bot   INTEGER NOT NULL,
    id    INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (bot, id)
) WITHOUT ROWID;

-- How an answer came about: attempts at the model, the provider's id of the last
-- one, and how long that took. Told of the turn when it ends.
ALTER TABLE turns ADD COLUMN attempts       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turns ADD COLUMN request_id     TEXT;
ALTER TABLE turns ADD COLUMN first_token_ms INTEGER;
ALTER TABLE turns ADD COLUMN completion_ms  INTEGER;

-- Messages that other processes of the host hand over. `dies_at`: such a part is
-- not sent any more (an older binary sends it all the same).
ALTER TABLE parts ADD COLUMN dies_at INTEGER;

-- The keys under which such a message is stored once, and until when.
CREATE TABLE notice_keys (
    bot   INTEGER NOT NULL,
    chat  INTEGER NOT NULL,
    key   TEXT    NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (bot, chat, key)
) WITHOUT ROWID;
CREATE INDEX notice_keys_age ON notice_keys (until);

-- The files that such messages came in, from the commit of their rows until the
-- files are gone for good.
CREATE TABLE notice_files (
    file TEXT    NOT NULL PRIMARY KEY,
    bot  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX notice_files_bot ON notice_files (bot);

-- Operators in Telegram.

CREATE INDEX people_operators ON people (bot, id) WHERE operator = 1;

-- What they have ordered that the daemon itself carries out: a reply with its
-- state, in this chat; or the drain of this instance, and of no other.
CREATE TABLE orders (
    id     INTEGER PRIMARY KEY,
    bot    INTEGER NOT NULL,
    chat   INTEGER,
    topic  INTEGER,
    drains INTEGER,
    at     INTEGER NOT NULL
);

-- What a part is for that belongs to no turn: 0 = a notice to operators, else
-- the number of a broadcast. No stop waits for these, or is cut short by them.
ALTER TABLE parts ADD COLUMN errand INTEGER;
CREATE INDEX parts_errand ON parts (errand, state) WHERE errand IS NOT NULL;

-- Messages to everybody (states: domain/operator/broadcast.rs). Planned are
-- those of the chats up to `cursor`, of the conversations up to `upto`.
CREATE TABLE broadcasts (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    bot      INTEGER NOT NULL,
    chat     INTEGER NOT NULL,                -- the operator's
    topic    INTEGER,
    text     TEXT    NOT NULL,                -- '' once it is over
    state    INTEGER NOT NULL,
    upto     INTEGER NOT NULL DEFAULT 0,
    cursor   INTEGER NOT NULL DEFAULT 0,
    chats    INTEGER NOT NULL DEFAULT 0,
    sent     INTEGER NOT NULL DEFAULT 0,
    refused  INTEGER NOT NULL DEFAULT 0,
    at       INTEGER NOT NULL,
    ended_at INTEGER
);
CREATE INDEX broadcasts_open ON broadcasts (bot, number) WHERE state = 1;

-- 1: the bot was blocked there, and has heard nothing from there since.
ALTER TABLE conversations ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;

-- Troubles that operators are alerted to (domain/operator/alarm.rs).
CREATE TABLE alarms (
    bot     INTEGER NOT NULL,
    cause   TEXT    NOT NULL,
    since   INTEGER,                          -- NULL: over
    until   INTEGER,                          -- over, and still to be told
    last_at INTEGER NOT NULL,
    held    INTEGER NOT NULL,                 -- not yet told of
    told_at INTEGER,
    is_told INTEGER NOT NULL,                 -- this episode was
    detail  TEXT,
    PRIMARY KEY (bot, cause)
) WITHOUT ROWID;

-- The lives of those who became the active instance, the latest hundred, and
-- how they ended (domain/operator/life.rs). `seen_at`: a sign of life.
CREATE TABLE lives (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    bot      INTEGER NOT NULL,
    instance INTEGER NOT NULL UNIQUE,
    version  TEXT    NOT NULL,
    rose_at  INTEGER NOT NULL,
    seen_at  INTEGER NOT NULL,
    ended_at INTEGER,
    how      INTEGER,
    told_at  INTEGER,
    owes     INTEGER NOT NULL DEFAULT 0       -- 1: its start is still to be told
);
CREATE INDEX lives_open ON lives (bot) WHERE ended_at IS NULL;
