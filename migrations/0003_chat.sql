-- What a good chat needs to know. Additive: a binary that knows only the schema
-- before goes on without it.

-- The language of who is answered (IETF tag, as Telegram tells it).
ALTER TABLE turns ADD COLUMN language TEXT;

-- What people see while they wait. `shown`: something of the answer was, or may
-- have been, on a screen: no late piece joins the turn any more. `receipt`: the
-- message that carries the sign "I have seen this"; 0 once it was taken away.
ALTER TABLE turns ADD COLUMN shown   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turns ADD COLUMN receipt INTEGER;
CREATE INDEX turns_receipt ON turns (state) WHERE receipt > 0;

-- Another answer to what was answered: which kind (domain/variant.rs), and the
-- turn whose answer it varies.
ALTER TABLE turns ADD COLUMN variant INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turns ADD COLUMN varies  INTEGER;

-- What its person wished of an answer that was on its way: 1 = a message of it
-- was edited, and another answer is offered; from 2 on = another one is begun,
-- of the kind (variant) one less. `offer`: the keyboard that offers it.
ALTER TABLE turns ADD COLUMN wish  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turns ADD COLUMN offer TEXT;

-- Keyboards under answers: what is to be under a message of ours, and whether
-- it still has to be put there. Edits, so nothing is doubled if they are made
-- twice; a row is gone once its message has no keyboard, which leaves one row
-- for the last answer of each conversation.
CREATE TABLE keyboards (
    bot          INTEGER NOT NULL,
    chat         INTEGER NOT NULL,
    message      INTEGER NOT NULL,
    conversation INTEGER,
    turn         INTEGER,
    wanted       TEXT,                        -- NULL: none
    stale        INTEGER NOT NULL,            -- 1: an edit has to be made
    version      INTEGER NOT NULL DEFAULT 0,  -- raised by every change of mind
    not_before   INTEGER NOT NULL DEFAULT 0,
    tries        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (bot, chat, message)
) WITHOUT ROWID;
CREATE INDEX keyboards_stale ON keyboards (bot, chat, not_before) WHERE stale = 1;
CREATE INDEX keyboards_place ON keyboards (conversation);

-- What was said in a group without being meant for the bot: the latest few of
-- each conversation, for an hour, as context of what is asked next. (`at`: when
-- it was accepted.)
CREATE TABLE chatter (
    conversation INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    message_id   INTEGER NOT NULL,
    sender       INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    text         TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (conversation, number)
) WITHOUT ROWID;
CREATE INDEX chatter_age ON chatter (at);

-- Finds what a reply points at among our own messages.
CREATE INDEX parts_message ON parts (chat, message_id) WHERE message_id IS NOT NULL;

-- Business accounts that are connected with the bot, as Telegram last told.
-- `usable`: enabled, and with the right to reply.
CREATE TABLE connections (
    bot    INTEGER NOT NULL,
    id     TEXT    NOT NULL,
    owner  INTEGER NOT NULL,
    usable INTEGER NOT NULL,
    PRIMARY KEY (bot, id)
) WITHOUT ROWID;

-- Chats that Telegram names to the bot by no id of its own: those of business
-- accounts (a peer has the id of that person's private chat with the bot), and
-- those into which it is called as a guest, a row for each call. Everything else
-- knows them by an id that is made from `number`. `quiet_since`: when the
-- account's owner last wrote there by hand.
CREATE TABLE relays (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    bot         INTEGER NOT NULL,
    owner       INTEGER,
    chat        INTEGER,
    connection  TEXT,
    query       TEXT,
    quiet_since INTEGER,
    at          INTEGER NOT NULL
);
CREATE UNIQUE INDEX relays_place ON relays (bot, owner, chat) WHERE owner IS NOT NULL;
CREATE UNIQUE INDEX relays_query ON relays (bot, query) WHERE query IS NOT NULL;
CREATE INDEX relays_age ON relays (at) WHERE query IS NOT NULL;
CREATE INDEX relays_connection ON relays (bot, connection) WHERE connection IS NOT NULL;

-- Updates that wait until Telegram has told whose account they came through.
CREATE TABLE unconnected (
    update_row INTEGER PRIMARY KEY,
    bot        INTEGER NOT NULL,
    connection TEXT    NOT NULL
);
CREATE INDEX unconnected_of ON unconnected (bot, connection);
