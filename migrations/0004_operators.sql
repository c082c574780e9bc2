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
    bot  INTEGER NOT NULL,
    file TEXT    NOT NULL,
    PRIMARY KEY (bot, file)
) WITHOUT ROWID;
