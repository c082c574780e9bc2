-- The first schema. Times are milliseconds since the Unix epoch; every key
-- begins with the bot; states and kinds are the numbers of domain/*.rs.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Running processes. A row is alive as long as its lock file is locked.
CREATE TABLE instances (
    id         INTEGER PRIMARY KEY,
    bot        INTEGER NOT NULL,
    phase      TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    started_at INTEGER NOT NULL
);

-- Everything Telegram handed us, as it came. kind: 0 message, 1 control,
-- 2 ignored, 3 unparsed, 4 edit.
-- A number is never used twice: messages, which outlive them, point here.
CREATE TABLE updates (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    bot         INTEGER NOT NULL,
    update_id   INTEGER,
    received_at INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    chat        INTEGER,
    raw         BLOB,                         -- NULL: not ours to keep, or forgotten
    settled_at  INTEGER
);
CREATE UNIQUE INDEX updates_once ON updates (bot, update_id);
CREATE INDEX updates_settled ON updates (settled_at) WHERE settled_at IS NOT NULL;

CREATE INDEX updates_chat ON updates (bot, chat) WHERE raw IS NOT NULL;

CREATE TABLE conversations (
    id           INTEGER PRIMARY KEY,
    bot          INTEGER NOT NULL,
    chat         INTEGER NOT NULL,
    topic        INTEGER NOT NULL,           -- 0 = none
    kind         TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    last_seal    INTEGER NOT NULL DEFAULT 0,
    boundary     INTEGER NOT NULL DEFAULT 0  -- history begins after this seal_no
);
CREATE UNIQUE INDEX conversations_place ON conversations (bot, chat, topic);

CREATE TABLE turns (
    id             INTEGER PRIMARY KEY,
    bot            INTEGER NOT NULL,
    conversation   INTEGER NOT NULL REFERENCES conversations (id),
    sender         INTEGER NOT NULL,         -- whose window; 0 = nobody's (a replay)
    state          INTEGER NOT NULL,
    outcome        INTEGER,
    seal_no        INTEGER NOT NULL DEFAULT 0,
    history_from   INTEGER NOT NULL DEFAULT 0, -- the boundary that held when it was sealed
    opened_at      INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    not_before     INTEGER NOT NULL DEFAULT 0,
    messages       INTEGER NOT NULL DEFAULT 0,
    chars          INTEGER NOT NULL DEFAULT 0,
    last_was_long  INTEGER NOT NULL DEFAULT 0,
    claim_no       INTEGER NOT NULL DEFAULT 0,
    owner          INTEGER,
    alone          INTEGER NOT NULL DEFAULT 0,
    failures       INTEGER NOT NULL DEFAULT 0,
    deaths         INTEGER NOT NULL DEFAULT 0,
    interrupts     INTEGER NOT NULL DEFAULT 0,
    stop_requested INTEGER NOT NULL DEFAULT 0,
    told           INTEGER NOT NULL DEFAULT 0,  -- the person was told that it waits
    ending         INTEGER,                     -- the outcome its parts will give it
    claimed_at     INTEGER,
    answered_at    INTEGER,
    settled_at     INTEGER,
    prompt_tokens     INTEGER,
    completion_tokens INTEGER,
    cost              REAL,
    model             TEXT
);
CREATE INDEX turns_open ON turns (conversation, state, seal_no) WHERE state < 4;
CREATE INDEX turns_order ON turns (conversation, seal_no);
CREATE INDEX turns_settled ON turns (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX turns_owner ON turns (owner) WHERE owner IS NOT NULL;

-- The large texts of a turn, apart, so that a change of state rewrites no blob.
CREATE TABLE requests (
    turn INTEGER PRIMARY KEY REFERENCES turns (id),
    body BLOB NOT NULL
);
CREATE TABLE answers (
    turn INTEGER PRIMARY KEY REFERENCES turns (id),
    text TEXT NOT NULL
);

-- Accepted messages that are addressed to the bot; each belongs to one turn.
CREATE TABLE messages (
    id           INTEGER PRIMARY KEY,
    bot          INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    turn         INTEGER NOT NULL REFERENCES turns (id),
    update_row   INTEGER NOT NULL,
    message_id   INTEGER NOT NULL,
    sender       INTEGER NOT NULL,
    accepted_at  INTEGER NOT NULL,
    body         TEXT                         -- NULL once forgotten or pruned
);
CREATE INDEX messages_turn ON messages (turn);
CREATE INDEX messages_place ON messages (conversation, message_id);

-- The outbox: one row per call that creates a message.
CREATE TABLE parts (
    id           INTEGER PRIMARY KEY,
    bot          INTEGER NOT NULL,
    chat         INTEGER NOT NULL,
    topic        INTEGER NOT NULL,
    conversation INTEGER,
    turn         INTEGER REFERENCES turns (id),
    kind         INTEGER NOT NULL,
    seq          INTEGER NOT NULL DEFAULT 0,
    state        INTEGER NOT NULL,
    payload      TEXT    NOT NULL,
    target       INTEGER,                     -- the placeholder this part replaces
    message_id   INTEGER,
    high_water   INTEGER,
    expires_at   INTEGER,
    not_before   INTEGER NOT NULL DEFAULT 0,
    send_no      INTEGER NOT NULL DEFAULT 0,
    resent       INTEGER NOT NULL DEFAULT 0,
    owner        INTEGER,
    created_at   INTEGER NOT NULL,
    settled_at   INTEGER
);
CREATE INDEX parts_open ON parts (bot, chat, state, kind, turn, seq, id) WHERE state IN (0, 1, 3);
CREATE INDEX parts_owner ON parts (owner, state) WHERE state IN (0, 1, 3);
CREATE INDEX parts_turn ON parts (turn) WHERE turn IS NOT NULL;
CREATE INDEX parts_notices ON parts (settled_at) WHERE turn IS NULL AND settled_at IS NOT NULL;
CREATE INDEX parts_settled ON parts (settled_at) WHERE settled_at IS NOT NULL;

CREATE TABLE controls (
    id           INTEGER PRIMARY KEY,
    bot          INTEGER NOT NULL,
    update_row   INTEGER NOT NULL,
    conversation INTEGER,
    sender       INTEGER NOT NULL,
    verb         TEXT    NOT NULL,
    turn         INTEGER,
    effect       TEXT    NOT NULL,
    at           INTEGER NOT NULL
);
CREATE INDEX controls_place ON controls (conversation);

-- Who was let in, and who is an operator.
CREATE TABLE people (
    bot      INTEGER NOT NULL,
    id       INTEGER NOT NULL,
    operator INTEGER NOT NULL,
    since    INTEGER NOT NULL,
    PRIMARY KEY (bot, id)
);

-- What a person did in a chat lately: the limit per minute, the last refusal.
CREATE TABLE senders (
    bot         INTEGER NOT NULL,
    chat        INTEGER NOT NULL,
    sender      INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    told        INTEGER NOT NULL DEFAULT 0,
    refused_at  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (bot, chat, sender)
);

-- The administrators of groups, as last asked.
CREATE TABLE administrators (
    bot   INTEGER NOT NULL,
    chat  INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    ids   TEXT    NOT NULL,                   -- JSON list
    PRIMARY KEY (bot, chat)
);

-- The highest message id known in each sequence of ids.
CREATE TABLE sequences (
    bot      INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    high     INTEGER NOT NULL,
    PRIMARY KEY (bot, sequence)
);
