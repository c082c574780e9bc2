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
