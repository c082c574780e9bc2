-- What probing needs to know. Additive: a binary that knows only the schema
-- before goes on without it, resolving parts by its own, simpler rule.

-- How parts of unknown arrival were resolved (with `resent`): the books.
ALTER TABLE parts ADD COLUMN bound  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN absent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN held   INTEGER NOT NULL DEFAULT 0;

-- The probing of one part of unknown arrival.
CREATE TABLE probes (
    part        INTEGER PRIMARY KEY,
    send_no     INTEGER NOT NULL,  -- of its last round; if the part has another, that was a send
    executed_by INTEGER NOT NULL,  -- when the cut send could no longer be carried out
    top         INTEGER,           -- an id given later than that: the part's is below it
    rounds      INTEGER NOT NULL DEFAULT 0,  -- over the whole reach, with nothing found
    looked      INTEGER NOT NULL DEFAULT 0,  -- an open reach was asked, with nothing found
    tries       INTEGER NOT NULL DEFAULT 0   -- rounds that proved nothing
);

-- The latest message ids of each sequence that are known not to be a cut part's:
-- those of people and of our own receipts. `at`: given not earlier than this.
CREATE TABLE seen (
    bot      INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    id       INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (bot, sequence, id)
) WITHOUT ROWID;

-- Messages of ours that may stand in a chat under ids nobody knows: sends that
-- were given up unproven. No probe may reach back to them. `until`: they can not
-- have been carried out later.
CREATE TABLE ghosts (
    bot   INTEGER NOT NULL,
    chat  INTEGER NOT NULL,
    part  INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (bot, chat, part)
) WITHOUT ROWID;

INSERT INTO ghosts
    SELECT bot, chat, 0, max(coalesce(expires_at, 0)) + 5000 FROM parts
    WHERE resent > 0 OR (state IN (2, 5) AND message_id IS NULL AND send_no > 0)
    GROUP BY bot, chat;

-- A trigger, so that no way of giving a part up, and no older binary beside
-- this one, can leave a ghost without a trace. 5 s: what a cut send is given to
-- appear after its `expires_at`.
CREATE TRIGGER parts_given_up AFTER UPDATE OF state ON parts
WHEN OLD.state IN (1, 3)
 AND (NEW.resent > OLD.resent OR (NEW.state IN (2, 5) AND NEW.message_id IS NULL))
BEGIN
    INSERT OR REPLACE INTO ghosts (bot, chat, part, until)
    VALUES (NEW.bot, NEW.chat, NEW.id, coalesce(OLD.expires_at, 0) + 5000);
    DELETE FROM probes WHERE part = NEW.id;
END;
