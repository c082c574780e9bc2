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

-- What was said in a group without being meant for the bot: the latest few of
-- each conversation, for an hour, as context of what is asked next. (`at`: when
-- it was accepted.)
CREATE TABLE chatter (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    bot          INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    message_id   INTEGER NOT NULL,
    sender       INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    text         TEXT    NOT NULL,
    at           INTEGER NOT NULL
);
CREATE INDEX chatter_place ON chatter (conversation, id);
CREATE INDEX chatter_age ON chatter (at);

-- Finds what a reply points at among our own messages.
CREATE INDEX parts_message ON parts (chat, message_id) WHERE message_id IS NOT NULL;
