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
