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
